import { useQuery } from '@tanstack/react-query'
import { IconBuilding, IconFlask, IconServerCog, IconStack2 } from '@tabler/icons-react'
import type { ReactElement } from 'react'
import { useTranslation } from 'react-i18next'
import { meQuery } from '@/features/identity/api'

interface Page {
  to: '/' | '/sessions' | '/organisation' | '/operator'
  label: string
  icon: ReactElement
}

/** The pages that the caller may open, for the navigation and the palette. */
export function usePages() {
  const { t } = useTranslation()
  const { data: me } = useQuery(meQuery())
  const pages: Page[] = [
    { to: '/' as const, label: t('shell.catalogue'), icon: <IconStack2 size={18} /> },
    { to: '/sessions' as const, label: t('shell.sessions'), icon: <IconFlask size={18} /> },
  ]
  if (me && (me.role === 'owner' || me.role === 'admin')) {
    pages.push({ to: '/organisation' as const, label: t('shell.organisation'), icon: <IconBuilding size={18} /> })
  }
  const operator = { to: '/operator' as const, label: t('shell.operator'), icon: <IconServerCog size={18} /> }
  return me?.operator ? [...pages, operator] : pages
}
