import { ActionIcon, useMantineColorScheme } from '@mantine/core'
import { IconDeviceDesktop, IconMoon, IconSun } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { DeferredMenu } from './DeferredMenu'

export const schemeIcons = { light: IconSun, dark: IconMoon, auto: IconDeviceDesktop } as const

/** Opens the choice of the colour scheme and shows which one is in use. */
export function SchemeButton() {
  const { t } = useTranslation()
  const { colorScheme } = useMantineColorScheme()
  const Icon = schemeIcons[colorScheme]
  return (
    <DeferredMenu menu="scheme">
      <ActionIcon variant="subtle" color="gray" size={34} aria-label={t('scheme.label')} title={t('scheme.label')}>
        <Icon size={18} />
      </ActionIcon>
    </DeferredMenu>
  )
}
