import { ActionIcon, AppShell, Avatar, Burger, Button, Container, Drawer, Group, Kbd, Menu, NavLink, Tooltip, UnstyledButton, VisuallyHidden } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { spotlight } from '@mantine/spotlight'
import { useSuspenseQuery } from '@tanstack/react-query'
import { Link, Outlet, useLocation } from '@tanstack/react-router'
import { IconLogout, IconSearch, IconUser } from '@tabler/icons-react'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { BrandMark } from '@/components/BrandMark'
import { meQuery } from '@/features/identity/api'
import { ResumeBar } from '@/features/session/ResumeBar'
import { signOut } from '@/lib/auth'
import { SchemeMenu } from './SchemeMenu'
import classes from './Shell.module.css'
import { usePages } from './usePages'

/** The frame of all pages but the lab itself. */
export function Shell() {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery())
  const pages = usePages()
  const path = useLocation({ select: (location) => location.pathname })
  const [menu, { toggle, close }] = useDisclosure(false)
  useEffect(() => close(), [path, close])
  const current = (to: string) => (to === '/' ? path === '/' || path.startsWith('/labs') : path.startsWith(to))
  return (
    <AppShell header={{ height: 60 }} padding={0}>
      <a href="#main" className={classes.skip}>
        {t('shell.skip')}
      </a>
      <AppShell.Header className={classes.header}>
        <Container size={1180} h="100%" px={{ base: 'sm', sm: 'lg' }}>
          <Group h="100%" gap="sm" wrap="nowrap">
            <Burger opened={menu} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t('shell.menu')} />
            <Link to="/" className={classes.brand} aria-label={t('shell.home', { name: me.tenant.title })}>
              <BrandMark />
              <span className={classes.name}>{me.tenant.title}</span>
            </Link>
            <nav aria-label={t('shell.nav')} className={classes.nav}>
              {pages.map(({ to, label }) => (
                <Link key={to} to={to} className={classes.link} aria-current={current(to) ? 'page' : undefined}>
                  {label}
                </Link>
              ))}
            </nav>
            <Tools name={me.name} email={me.email} />
          </Group>
        </Container>
      </AppShell.Header>
      <Drawer opened={menu} onClose={close} size={260} title={me.tenant.title} hiddenFrom="sm">
        {pages.map(({ to, label, icon }) => (
          <NavLink key={to} component={Link} to={to} label={label} leftSection={icon} active={current(to)} />
        ))}
      </Drawer>
      <AppShell.Main id="main" tabIndex={-1} className={classes.main}>
        <Container size={1180} px={{ base: 'md', sm: 'lg' }} py={{ base: 'lg', sm: 36 }} pb={110}>
          <Outlet />
        </Container>
      </AppShell.Main>
      <ResumeBar />
    </AppShell>
  )
}

function Tools({ name, email }: { name: string; email: string }) {
  const { t } = useTranslation()
  return (
    <Group gap="xs" wrap="nowrap" ml="auto">
      <Button
        variant="default"
        size="xs"
        visibleFrom="sm"
        className={classes.search}
        leftSection={<IconSearch size={15} />}
        rightSection={<Kbd size="xs">{t('shell.paletteKey')}</Kbd>}
        onClick={spotlight.open}
      >
        {t('shell.search')}
      </Button>
      <Tooltip label={t('shell.search')}>
        <ActionIcon variant="subtle" color="gray" size={34} hiddenFrom="sm" aria-label={t('shell.search')} onClick={spotlight.open}>
          <IconSearch size={18} />
        </ActionIcon>
      </Tooltip>
      <SchemeMenu />
      <Menu position="bottom-end" width={230}>
        <Menu.Target>
          <UnstyledButton className={classes.avatar}>
            <VisuallyHidden>{t('shell.account', { name })}</VisuallyHidden>
            <Avatar name={name} color="iris" variant="light" size={34} alt="" aria-hidden />
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            <div className={classes.who}>{name}</div>
            {email}
          </Menu.Label>
          <Menu.Item component={Link} to="/profile" leftSection={<IconUser size={16} />}>
            {t('profile.title')}
          </Menu.Item>
          <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut()}>
            {t('shell.signOut')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  )
}
