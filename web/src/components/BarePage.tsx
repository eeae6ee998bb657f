import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useBrandTitle } from '@/lib/brand'
import classes from './BarePage.module.css'
import { BrandSign } from './BrandSign'

/** A page without the console's frame: whose it is, which leads home, and what it says. */
export function BarePage({ wide, children }: { wide?: true; children: ReactNode }) {
  const title = useBrandTitle()
  return (
    <main id="main" className={classes.page} data-wide={wide}>
      <Link to="/" className={classes.brand}>
        <BrandSign name={title} />
      </Link>
      {children}
    </main>
  )
}
