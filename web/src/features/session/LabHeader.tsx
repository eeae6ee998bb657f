import { ActionIcon, Menu, Progress, Tooltip } from '@mantine/core'
import { IconArrowBackUp, IconDots, IconKeyboard, IconPlayerStop, IconRefresh, IconTrophy } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { BrandSign } from '@/components/BrandSign'
import type { Session } from '@/lib/api/types'
import { isAlive, isStarting } from './api'
import { Countdown } from './Countdown'
import classes from './LabHeader.module.css'
import type { Link as LinkState } from './useSessionEvents'

interface Props {
  session: Session
  link: LinkState
  onRestart: () => void
  onEnd: () => void
  onShortcuts: () => void
  /** What the application adds at the end: colour scheme, shortcuts. */
  children?: ReactNode
}

/** The bar over a lab: what it is, how far it is, how long it lasts, and the ways out. */
export function LabHeader({ session, link, onRestart, onEnd, onShortcuts, children }: Props) {
  const { t } = useTranslation()
  const done = session.steps.filter((step) => step.done).length
  const total = session.steps.length
  return (
    <header className={classes.header}>
      <Tooltip label={t('lab.back')}>
        <Link to="/" className={classes.brand} aria-label={t('lab.back')}>
          <BrandSign />
        </Link>
      </Tooltip>
      <div className={classes.title}>
        <span className={classes.name}>{session.lab.title}</span>
        <StateChip session={session} link={link} />
      </div>
      <div className={classes.progress}>
        <Progress
          value={total > 0 ? (100 * done) / total : 0}
          color={session.completed ? 'green' : undefined}
          size="sm"
          radius="xl"
          aria-label={t('lab.progress')}
        />
        <span>{t('lab.stepsDone', { done, total })}</span>
      </div>
      {session.points > 0 && (
        <span className={classes.score}>
          <IconTrophy size={16} aria-hidden />
          <span className={classes.srOnly}>{t('lab.score')}</span> {session.score}/{session.points}
        </span>
      )}
      {isAlive(session.state) && session.state === 'ready' && <Countdown session={session} />}
      <LabMenu session={session} onRestart={onRestart} onEnd={onEnd} onShortcuts={onShortcuts} />
      <div className={classes.tools}>{children}</div>
    </header>
  )
}

function LabMenu({ session, onRestart, onEnd, onShortcuts }: Omit<Props, 'link' | 'children'>) {
  const { t } = useTranslation()
  return (
    <Menu position="bottom-end" width={230}>
      <Menu.Target>
        <ActionIcon variant="default" size={32} aria-label={t('lab.menu')}>
          <IconDots size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconArrowBackUp size={16} />} component={Link} to="/">
          {t('lab.leave')}
        </Menu.Item>
        <Menu.Item leftSection={<IconKeyboard size={16} />} onClick={onShortcuts}>
          {t('shortcuts.title')}
        </Menu.Item>
        {isAlive(session.state) && (
          <>
            <Menu.Divider />
            <Menu.Item leftSection={<IconRefresh size={16} />} disabled={isStarting(session.state)} onClick={onRestart}>
              {t('lab.startOver')}
            </Menu.Item>
            <Menu.Item leftSection={<IconPlayerStop size={16} />} color="red" onClick={onEnd}>
              {t('lab.end')}
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}

/** Starting, live, reconnecting, ended: one word and a colour. */
function StateChip({ session, link }: { session: Session; link: LinkState }) {
  const { t } = useTranslation()
  const state = isStarting(session.state) ? 'starting' : session.state === 'ready' ? link : session.state
  return (
    <span className={classes.chip} data-state={state} role="status">
      <span className={classes.word}>{t(`lab.chip.${state}`)}</span>
    </span>
  )
}
