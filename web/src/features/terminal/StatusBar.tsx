import { ActionIcon, Kbd, Tooltip } from '@mantine/core'
import { IconEar, IconMinus, IconPlus, IconSearch } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { ConnectionState } from './connection'
import { changeSettings, useSettings } from './settings'
import classes from './Terminal.module.css'

interface Props {
  state: ConnectionState
  onSearch: () => void
}

/** Below a terminal: whether it is connected, and its tools. */
export function StatusBar({ state, onSearch }: Props) {
  const { t } = useTranslation()
  const { fontSize, screenReader } = useSettings()
  return (
    <div className={classes.status}>
      <span className={classes.state} role="status">
        <span className={classes.dot} data-state={state} aria-hidden />
        {t(`terminal.state.${state}`)}
      </span>
      <span className={classes.hint}>
        <Kbd size="xs">F6</Kbd> {t('terminal.leave')}
      </span>
      <Tool label={t('terminal.search')} onClick={onSearch}>
        <IconSearch size={16} />
      </Tool>
      <Tool label={t('terminal.smaller')} onClick={() => changeSettings({ fontSize: fontSize - 1 })}>
        <IconMinus size={16} />
      </Tool>
      <Tool label={t('terminal.larger')} onClick={() => changeSettings({ fontSize: fontSize + 1 })}>
        <IconPlus size={16} />
      </Tool>
      <Tool
        label={t('terminal.screenReader')}
        pressed={screenReader}
        onClick={() => changeSettings({ screenReader: !screenReader })}
      >
        <IconEar size={16} />
      </Tool>
    </div>
  )
}

interface ToolProps {
  label: string
  pressed?: boolean
  onClick: () => void
  children: ReactNode
}

function Tool({ label, pressed, onClick, children }: ToolProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant={pressed ? 'light' : 'subtle'}
        color={pressed ? undefined : 'gray'}
        size={26}
        aria-label={label}
        aria-pressed={pressed}
        onClick={onClick}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  )
}
