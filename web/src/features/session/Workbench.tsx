import { ActionIcon, Tabs, Tooltip } from '@mantine/core'
import { IconPlus, IconTerminal2, IconWorld, IconX } from '@tabler/icons-react'
import { Suspense, useMemo, type ComponentType } from 'react'
import { useTranslation } from 'react-i18next'
import type { Session } from '@/lib/api/types'
import { PortPreview } from './PortPreview'
import { maxTerminals, portTab, terminalTab, type useWorkbench } from './useWorkbench'
import classes from './Workbench.module.css'

/** What the workbench needs of a terminal; the application plugs the real one in. */
export interface TerminalHandle {
  run: (code: string, interrupt: boolean) => void
  focus: () => void
}

export type TerminalComponent = ComponentType<{
  session: string
  name: string
  active: boolean
  onHandle: (handle: TerminalHandle | null) => void
  onLeave: () => void
}>

interface Props {
  session: Session
  tabs: ReturnType<typeof useWorkbench>
  Terminal: TerminalComponent
  onHandle: (name: string, handle: TerminalHandle | null) => void
  onLeave: () => void
}

/** The right side of a lab: its terminals and web ports in tabs. Hidden terminals stay connected. */
export function Workbench({ session, tabs, Terminal, onHandle, onLeave }: Props) {
  const { t } = useTranslation()
  const open = [...tabs.terminals.map(terminalTab), ...session.ports.map((port) => portTab(port.name))]
  const active = open.includes(tabs.active) ? tabs.active : (open[0] ?? '')
  const name = active.startsWith('terminal:') ? active.slice('terminal:'.length) : undefined
  return (
    <Tabs
      value={active}
      onChange={(tab) => tab && tabs.activate(tab)}
      keepMounted
      classNames={{ root: classes.root, list: classes.list, tab: classes.tab, panel: classes.panel }}
    >
      <div className={classes.bar}>
        <Tabs.List aria-label={t('workbench.tabs')}>
          {tabs.terminals.map((terminal) => (
            <Tabs.Tab key={terminal} value={terminalTab(terminal)} leftSection={<IconTerminal2 size={16} />}>
              {t('workbench.terminal', { name: terminal })}
            </Tabs.Tab>
          ))}
          {session.ports.map((port) => (
            <Tabs.Tab key={port.name} value={portTab(port.name)} leftSection={<IconWorld size={16} />}>
              {port.name}
              <span className={classes.port} data-open={port.open || undefined} title={t(port.open ? 'port.open' : 'port.closed')} />
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tool label={t('workbench.add')} disabled={tabs.terminals.length >= maxTerminals} onClick={tabs.openNext}>
          <IconPlus size={16} />
        </Tool>
        {name && tabs.terminals.length > 1 && (
          <Tool label={t('workbench.close', { name })} end onClick={() => tabs.close(name)}>
            <IconX size={16} />
          </Tool>
        )}
      </div>
      {tabs.terminals.map((terminal) => (
        <Tabs.Panel key={terminal} value={terminalTab(terminal)}>
          <Suspense>
            <BoundTerminal
              Terminal={Terminal}
              session={session.id}
              name={terminal}
              active={active === terminalTab(terminal)}
              onHandle={onHandle}
              onLeave={onLeave}
            />
          </Suspense>
        </Tabs.Panel>
      ))}
      {session.ports.map((port) => (
        <Tabs.Panel key={port.name} value={portTab(port.name)}>
          <PortPreview session={session.id} port={port} active={active === portTab(port.name)} />
        </Tabs.Panel>
      ))}
    </Tabs>
  )
}

interface BoundProps {
  Terminal: TerminalComponent
  session: string
  name: string
  active: boolean
  onHandle: Props['onHandle']
  onLeave: () => void
}

function BoundTerminal({ Terminal, name, onHandle, ...rest }: BoundProps) {
  const handle = useMemo(() => (h: TerminalHandle | null) => onHandle(name, h), [name, onHandle])
  return <Terminal name={name} onHandle={handle} {...rest} />
}

interface ToolProps {
  label: string
  disabled?: boolean
  end?: boolean
  onClick: () => void
  children: React.ReactNode
}

function Tool({ label, disabled, end, onClick, children }: ToolProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" ml={end ? 'auto' : undefined} disabled={disabled} aria-label={label} onClick={onClick}>
        {children}
      </ActionIcon>
    </Tooltip>
  )
}
