import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/FloatingIndicator.layer.css'
import '@mantine/core/styles/SegmentedControl.layer.css'
import '@mantine/core/styles/Radio.layer.css'
import '@mantine/core/styles/Checkbox.layer.css'
import '@mantine/core/styles/Tabs.layer.css'
import { Center, SegmentedControl, VisuallyHidden } from '@mantine/core'
import { useDisclosure, useMediaQuery } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { IconEye } from '@tabler/icons-react'
import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Group as PanelGroup, Panel, Separator, useDefaultLayout } from 'react-resizable-panels'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Empty } from '@/components/Empty'
import { notifyError } from '@/components/notify'
import type { Session } from '@/lib/api/types'
import { LabActionsContext, type LabActions } from './actions'
import { envQuery, guideQuery, isOver, isStarting, sessionQuery, useEnd, useRestart, useStart, writeFile } from './api'
import { Completed } from './Completed'
import { GuidePane } from './GuidePane'
import { LabHeader } from './LabHeader'
import classes from './LabPage.module.css'
import { Over } from './Over'
import { Starting } from './Starting'
import { useSessionEvents } from './useSessionEvents'
import { portTab, useWorkbench } from './useWorkbench'
import { Workbench, type TerminalComponent, type TerminalHandle } from './Workbench'

interface Props {
  id: string
  /** Number of the open step, from 1, out of the address; without it the first that is not done. */
  step: number | undefined
  onStep: (step: number) => void
  /** Goes to another session, in place of this one. */
  onSession: (id: string) => void
  Terminal: TerminalComponent
  onShortcuts: () => void
  /** What the application adds to the header. */
  tools?: ReactNode
}

/** A lab in progress: instructions left, terminals right. */
export function LabPage({ id, step, onStep, onSession, onShortcuts, Terminal, tools }: Props) {
  const { t } = useTranslation()
  const { data: session } = useSuspenseQuery(sessionQuery(id))
  const { data: guide } = useQuery(guideQuery(id))
  const over = isOver(session.state)
  const link = useSessionEvents(id, !over || session.state === 'ending', (message) =>
    notifications.show({ id: warning, color: 'yellow', title: t('lab.warning'), message, autoClose: false }),
  )
  // more time, or the end, makes the warning untrue
  useEffect(() => () => void notifications.hide(warning), [session.deadline, session.state])
  const bench = useBench(session)
  const [firstOpen] = useState(() => Math.max(0, session.steps.findIndex((s) => !s.done)))
  const selected = Math.min(step === undefined ? firstOpen : step - 1, Math.max(0, session.steps.length - 1))
  const start = useStart()
  const again = () => start.mutate(session.lab.slug, { onSuccess: (s) => onSession(s.id), onError: notifyError })
  const leave = useCallback(() => document.getElementById('instructions')?.focus(), [])

  const guidePane = <GuidePane session={session} guide={guide} selected={selected} onSelect={(s) => onStep(s + 1)} />
  const workbench = !session.mine ? (
    <Center h="100%">
      <Empty icon={<IconEye size={26} />} title={t('lab.others')} text={t('lab.othersText')} />
    </Center>
  ) : over ? (
    <Over session={session} onAgain={again} busy={start.isPending} />
  ) : isStarting(session.state) ? (
    <Starting session={session} />
  ) : (
    <Workbench session={session} tabs={bench.tabs} Terminal={Terminal} onHandle={bench.onHandle} onLeave={leave} />
  )
  return (
    <LabActionsContext value={bench.actions}>
      <div className={classes.page} onKeyDown={bench.onKeyDown}>
        <SessionHeader session={session} link={link} onSession={onSession} onShortcuts={onShortcuts} tools={tools} />
        <Panes left={guidePane} right={workbench} side={bench.side} onSide={bench.setSide} />
      </div>
    </LabActionsContext>
  )
}

interface HeaderProps {
  session: Session
  link: ReturnType<typeof useSessionEvents>
  onSession: (id: string) => void
  onShortcuts: () => void
  tools?: ReactNode
}

/** The header with the dialogs behind its dangerous actions. */
function SessionHeader({ session, link, onSession, onShortcuts, tools }: HeaderProps) {
  const { t } = useTranslation()
  const [ending, endDialog] = useDisclosure(false)
  const [restarting, restartDialog] = useDisclosure(false)
  const end = useEnd()
  const restart = useRestart(session.id)
  const endNow = () => end.mutate(session.id, { onSuccess: endDialog.close, onError: notifyError })
  const restartNow = () => restart.mutate(undefined, { onSuccess: (s) => onSession(s.id), onError: notifyError })
  return (
    <>
      <LabHeader session={session} link={link} onRestart={restartDialog.open} onEnd={endDialog.open} onShortcuts={onShortcuts}>
        {tools}
      </LabHeader>
      <ConfirmDialog
        opened={ending}
        title={t('lab.endTitle')}
        text={t('lab.endText')}
        confirm={t('lab.end')}
        busy={end.isPending}
        onConfirm={endNow}
        onClose={endDialog.close}
      />
      <ConfirmDialog
        opened={restarting}
        title={t('lab.startOverTitle')}
        text={t('lab.startOverText')}
        confirm={t('lab.startOver')}
        busy={restart.isPending}
        onConfirm={restartNow}
        onClose={restartDialog.close}
      />
      <Completed session={session} ending={end.isPending} onEnd={endNow} />
    </>
  )
}

const warning = 'deadline'

export type Side = 'guide' | 'workbench'

/** The tabs of the workbench, the handles of its terminals, and what the text may do with them. */
function useBench(session: Session) {
  const tabs = useWorkbench(session.id)
  const [side, setSide] = useState<Side>('guide')
  const handles = useRef(new Map<string, TerminalHandle>())
  const queued = useRef(new Map<string, { code: string; interrupt: boolean }[]>())
  const ready = session.state === 'ready'
  const { data: env } = useQuery(envQuery(session.id, ready))
  const { open, activate, active } = tabs

  const onHandle = useCallback((name: string, handle: TerminalHandle | null) => {
    if (!handle) return void handles.current.delete(name)
    handles.current.set(name, handle)
    queued.current.get(name)?.forEach(({ code, interrupt }) => handle.run(code, interrupt))
    queued.current.delete(name)
  }, [])
  const run = useCallback(
    (code: string, terminal: string, interrupt: boolean) => {
      open(terminal)
      setSide('workbench')
      const handle = handles.current.get(terminal)
      if (handle) { handle.run(code, interrupt); return; }
      queued.current.set(terminal, [...(queued.current.get(terminal) ?? []), { code, interrupt }])
    },
    [open],
  )
  const openPort = useCallback(
    (name: string) => {
      activate(portTab(name))
      setSide('workbench')
    },
    [activate],
  )
  const actions = useMemo<LabActions>(
    () => ({ ready, run, openPort, env: env ?? {}, writeFile: (path, content) => writeFile(session.id, path, content) }),
    [ready, run, openPort, env, session.id],
  )
  /** F6 outside of a terminal leads into the open one; inside, the terminal leads out. */
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.key !== 'F6' || event.defaultPrevented) return
    event.preventDefault()
    handles.current.get(active.replace('terminal:', ''))?.focus()
  }
  return { tabs, side, setSide, onHandle, actions, onKeyDown }
}

interface PanesProps {
  left: ReactNode
  right: ReactNode
  side: Side
  onSide: (side: Side) => void
}

/** Side by side with a divider that is remembered; on narrow screens one of the two. */
function Panes({ left, right, side, onSide }: PanesProps) {
  const { t } = useTranslation()
  const narrow = useMediaQuery('(max-width: 48em)', undefined, { getInitialValueInEffect: false })
  const layout = useDefaultLayout({ id: 'cloudkida.lab', panelIds: ['guide', 'workbench'], storage: localStorage })
  if (narrow) {
    return (
      <main className={classes.narrow} id="main">
        <SegmentedControl
          fullWidth
          className={classes.switch}
          aria-label={t('lab.side')}
          value={side}
          onChange={(value) => onSide(value)}
          data={[
            { value: 'guide', label: t('lab.instructions') },
            { value: 'workbench', label: t('lab.workbench') },
          ]}
        />
        <div className={classes.side} hidden={side !== 'guide'}>
          {left}
        </div>
        <div className={classes.side} hidden={side !== 'workbench'}>
          <VisuallyHidden component="h1">{t('lab.workbench')}</VisuallyHidden>
          {right}
        </div>
      </main>
    )
  }
  return (
    <main className={classes.wide} id="main">
      <PanelGroup orientation="horizontal" defaultLayout={layout.defaultLayout} onLayoutChanged={layout.onLayoutChanged}>
        <Panel id="guide" defaultSize="42%" minSize="320px">
          {left}
        </Panel>
        <Separator className={classes.divider} aria-label={t('lab.divider')} />
        <Panel id="workbench" minSize="340px">
          {right}
        </Panel>
      </PanelGroup>
    </main>
  )
}
