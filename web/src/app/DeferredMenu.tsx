import { cloneElement, lazy, Suspense, useState, type ReactElement } from 'react'
import type { MenuName } from './HeaderMenu'

const load = () => import('./HeaderMenu')
const HeaderMenu = lazy(load)

interface ButtonProps {
  onClick?: () => void
  onPointerEnter?: () => void
  onFocus?: () => void
  'aria-haspopup'?: 'menu'
  'aria-expanded'?: boolean
}

interface Props {
  menu: MenuName
  /** The button that opens the menu. */
  children: ReactElement<ButtonProps>
}

/** A menu of the header. Placing and focusing menus takes a lot of code: it comes when one is about to be opened. */
export function DeferredMenu({ menu, children }: Props) {
  const [wanted, setWanted] = useState(false)
  const closed = cloneElement(children, {
    onClick: () => setWanted(true),
    onPointerEnter: () => void load(),
    onFocus: () => void load(),
    'aria-haspopup': 'menu',
    'aria-expanded': false,
  })
  if (!wanted) return closed
  return (
    <Suspense fallback={closed}>
      <HeaderMenu menu={menu} button={children} />
    </Suspense>
  )
}
