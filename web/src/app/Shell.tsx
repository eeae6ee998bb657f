import { ActionIcon, Button, Kbd, UnstyledButton, VisuallyHidden } from '@mantine/core'
import { useSuspenseQuery } from '@tanstack/react-query'
import { Link, Outlet, useLocation } from '@tanstack/react-router'
import { IconMenu2, IconSearch } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { BrandSign } from '@/components/BrandSign'
import { meQuery } from '@/features/identity/api'
import { ResumeBar } from '@/features/session/ResumeBar'
import { DeferredMenu } from './DeferredMenu'
import { Offline } from './Offline'
import { openPalette } from './overlay'
import { SchemeButton } from './SchemeButton'
import classes from './Shell.module.css'
import { usePages } from './usePages'

/** The frame of all pages but the lab itself. */
export default function Shell() {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery())
  const pages = usePages()
  const path = useLocation({ select: (location) => location.pathname })
  const current = (to: string) => (to === '/' ? path === '/' || path.startsWith('/labs') : path.startsWith(to))
  return (
    <>
      <a href="#main" className={classes.skip}>
        {t('shell.skip')}
      </a>
      <header className={classes.header}>
        <div className={classes.bar}>
          <DeferredMenu menu="pages">
            <ActionIcon variant="subtle" color="gray" size={36} className={classes.burger} aria-label={t('shell.menu')}>
              <IconMenu2 size={20} />
            </ActionIcon>
          </DeferredMenu>
          <Link to="/" className={classes.brand} aria-label={t('shell.home', { name: me.branding.title })}>
            <BrandSign name={me.branding.title} nameClass={classes.name} />
          </Link>
          <nav aria-label={t('shell.nav')} className={classes.nav}>
            {pages.map(({ to, label }) => (
              <Link key={to} to={to} className={classes.link} aria-current={current(to) ? 'page' : undefined}>
                {label}
              </Link>
            ))}
          </nav>
          <div className={classes.tools}>
            <Button
              variant="default"
              size="xs"
              className={classes.search}
              leftSection={<IconSearch size={15} />}
              rightSection={<Kbd size="xs">{t('shell.paletteKey')}</Kbd>}
              onClick={openPalette}
            >
              {t('shell.search')}
            </Button>
            <SchemeButton />
            <DeferredMenu menu="account">
              <UnstyledButton className={classes.avatar}>
                <VisuallyHidden>{t('shell.account', { name: me.name })}</VisuallyHidden>
                <span aria-hidden>{initials(me.name)}</span>
              </UnstyledButton>
            </DeferredMenu>
          </div>
        </div>
      </header>
      <main id="main" tabIndex={-1} className={classes.main}>
        <Offline />
        <Outlet />
      </main>
      <ResumeBar />
    </>
  )
}

/** The first letters of the first and the last name. */
function initials(name: string): string {
  const words = name.trim().split(/\s+/)
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => Array.from(word ?? '')[0] ?? '')
  return letters.join('').toUpperCase()
}
