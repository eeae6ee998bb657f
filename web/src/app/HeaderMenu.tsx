import { Menu, useMantineColorScheme } from '@mantine/core'
import { useSuspenseQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { IconBuilding, IconCheck, IconHelp, IconLogout, IconSearch, IconUser } from '@tabler/icons-react'
import type { ReactElement } from 'react'
import { useTranslation } from 'react-i18next'
import { meQuery } from '@/features/identity/api'
import { signOut, switchTenant } from '@/lib/auth'
import { openPalette } from './overlay'
import { schemeIcons } from './SchemeButton'
import classes from './Shell.module.css'
import { usePages } from './usePages'

const menus = {
  account: { items: AccountItems, position: 'bottom-end', width: 230 },
  pages: { items: PagesItems, position: 'bottom-start', width: 220 },
  scheme: { items: SchemeItems, position: 'bottom-end', width: 160 },
} as const

export type MenuName = keyof typeof menus

/** What DeferredMenu loads: a menu that is open when it appears. */
export default function HeaderMenu({ menu, button }: { menu: MenuName; button: ReactElement }) {
  const { items: Items, position, width } = menus[menu]
  return (
    <Menu defaultOpened position={position} width={width}>
      <Menu.Target>{button}</Menu.Target>
      <Menu.Dropdown>
        <Items />
      </Menu.Dropdown>
    </Menu>
  )
}

/** Who is signed in, and what that person may do about it. */
function AccountItems() {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery())
  return (
    <>
      <Menu.Label>
        <div className={classes.who}>{me.name}</div>
        {me.email}
      </Menu.Label>
      <Menu.Item component={Link} to="/profile" leftSection={<IconUser size={16} />}>
        {t('profile.title')}
      </Menu.Item>
      {me.tenants.length > 1 && (
        <>
          <Menu.Divider />
          <Menu.Label>{t('shell.organisations')}</Menu.Label>
          {me.tenants
            .filter((tenant) => tenant.id !== me.tenant.id)
            .map((tenant) => (
              <Menu.Item key={tenant.id} leftSection={<IconBuilding size={16} />} onClick={() => void switchTenant(tenant.name)}>
                {tenant.title}
              </Menu.Item>
            ))}
          <Menu.Divider />
        </>
      )}
      {me.branding.support && (
        <Menu.Item component="a" href={me.branding.support} leftSection={<IconHelp size={16} />}>
          {t('shell.help')}
        </Menu.Item>
      )}
      <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut()}>
        {t('shell.signOut')}
      </Menu.Item>
    </>
  )
}

/** The navigation of a narrow screen. */
function PagesItems() {
  const { t } = useTranslation()
  return (
    <>
      {usePages().map(({ to, label, icon }) => (
        <Menu.Item key={to} component={Link} to={to} leftSection={icon}>
          {label}
        </Menu.Item>
      ))}
      <Menu.Divider />
      <Menu.Item leftSection={<IconSearch size={18} />} onClick={openPalette}>
        {t('shell.search')}
      </Menu.Item>
    </>
  )
}

/** Light, dark, or as the system has it. */
function SchemeItems() {
  const { t } = useTranslation()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (['light', 'dark', 'auto'] as const).map((scheme) => {
    const Icon = schemeIcons[scheme]
    return (
      <Menu.Item
        key={scheme}
        role="menuitemradio"
        aria-checked={scheme === colorScheme}
        leftSection={<Icon size={16} />}
        rightSection={scheme === colorScheme && <IconCheck size={14} />}
        onClick={() => setColorScheme(scheme)}
      >
        {t(`scheme.${scheme}`)}
      </Menu.Item>
    )
  })
}
