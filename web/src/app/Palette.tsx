import '@mantine/core/styles/ScrollArea.layer.css'
import '@mantine/core/styles/Overlay.layer.css'
import '@mantine/core/styles/ModalBase.layer.css'
import '@mantine/core/styles/Modal.layer.css'
import '@mantine/spotlight/styles.layer.css'
import { useMantineColorScheme } from '@mantine/core'
import { Spotlight, spotlight, type SpotlightActionData, type SpotlightActionGroupData } from '@mantine/spotlight'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { IconKeyboard, IconLogout, IconMoon, IconPlayerPlay, IconSearch, IconSun, IconTerminal2, IconUser } from '@tabler/icons-react'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { readLabs } from '@/features/lab/api'
import { activeSessionsQuery } from '@/features/session/api'
import { signOut } from '@/lib/auth'
import { openShortcuts } from './overlay'
import { usePages } from './usePages'

interface Props {
  opened: boolean
  onClose: () => void
}

/** Ctrl-K: every lab, page and action by its name. */
export function Palette({ opened, onClose }: Props) {
  const { t } = useTranslation()
  useEffect(() => {
    if (opened) spotlight.open()
  }, [opened])
  const labs = useLabActions(opened)
  const pages = usePageActions()
  const actions = useOtherActions()
  const groups: SpotlightActionGroupData[] = [
    { group: t('palette.labs'), actions: labs },
    { group: t('palette.pages'), actions: pages },
    { group: t('palette.actions'), actions },
  ]
  return (
    <Spotlight
      actions={groups}
      attributes={{ content: { 'aria-label': t('shell.search') } }}
      onSpotlightClose={onClose}
      shortcut={null}
      highlightQuery
      scrollable
      maxHeight={420}
      limit={12}
      nothingFound={t('palette.nothing')}
      searchProps={{
        leftSection: <IconSearch size={18} />,
        placeholder: t('palette.placeholder'),
        'aria-label': t('palette.placeholder'),
      }}
    />
  )
}

function useLabActions(opened: boolean): SpotlightActionData[] {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const { data: labs } = useQuery({ queryKey: ['labs', 'palette'], queryFn: ({ signal }) => readLabs({}, undefined, signal), enabled: opened })
  const { data: running } = useQuery(activeSessionsQuery())
  const resume = (running?.items ?? []).map((session) => ({
    id: session.id,
    label: t('palette.resume', { title: session.lab.title }),
    leftSection: <IconPlayerPlay size={18} />,
    onClick: () => void navigate({ to: '/sessions/$id', params: { id: session.id } }),
  }))
  const all = (labs?.items ?? []).map((lab) => ({
    id: lab.slug,
    label: lab.title,
    description: lab.summary,
    keywords: lab.tags,
    leftSection: <IconTerminal2 size={18} />,
    onClick: () => void navigate({ to: '/labs/$slug', params: { slug: lab.slug } }),
  }))
  return [...resume, ...all]
}

function usePageActions(): SpotlightActionData[] {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const profile = { to: '/profile' as const, label: t('profile.title'), icon: <IconUser size={18} /> }
  return [...usePages(), profile].map(({ to, label, icon }) => ({
    id: to,
    label,
    leftSection: icon,
    onClick: () => void navigate({ to }),
  }))
}

function useOtherActions(): SpotlightActionData[] {
  const { t } = useTranslation()
  const { setColorScheme } = useMantineColorScheme()
  return [
    { id: 'light', label: t('palette.light'), leftSection: <IconSun size={18} />, onClick: () => setColorScheme('light') },
    { id: 'dark', label: t('palette.dark'), leftSection: <IconMoon size={18} />, onClick: () => setColorScheme('dark') },
    { id: 'shortcuts', label: t('shortcuts.title'), leftSection: <IconKeyboard size={18} />, onClick: openShortcuts },
    { id: 'sign-out', label: t('shell.signOut'), leftSection: <IconLogout size={18} />, onClick: () => void signOut() },
  ]
}
