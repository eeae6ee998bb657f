import { Button, Loader, VisuallyHidden } from '@mantine/core'
import { IconAlertTriangle, IconBulb, IconCircleCheckFilled, IconCircleDashed, IconLock, IconX } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import type { Check } from '@/lib/api/types'
import { notifyError } from '@/components/notify'
import { useRunCheck } from './api'
import classes from './Checks.module.css'

interface Props {
  session: string
  checks: Check[]
  /** The environment answers: checks can run. */
  ready: boolean
}

/** The checks of one step with what each found; those that do not run by themselves have a button. */
export function Checks({ session, checks, ready }: Props) {
  const { t } = useTranslation()
  if (checks.length === 0) return null
  const automatic = checks.every((check) => check.automatic)
  return (
    <section className={classes.checks} aria-label={t('checks.title')}>
      <header className={classes.header}>
        <h2>{t('checks.title')}</h2>
        <span>{automatic ? t('checks.automatic') : t('checks.byButton')}</span>
      </header>
      <ul>
        {checks.map((check) => (
          <CheckRow key={check.name} session={session} check={check} ready={ready} />
        ))}
      </ul>
    </section>
  )
}

interface RowProps {
  session: string
  check: Check
  ready: boolean
}

function CheckRow({ session, check, ready }: RowProps) {
  const { t } = useTranslation()
  const run = useRunCheck(session)
  const state = run.isPending ? 'running' : check.state
  const failed = state === 'failed' || state === 'error'
  // a check that ran by itself and fails tells what is still to do: only a learner who asked has something wrong
  const unasked = state === 'failed' && check.automatic && check.failures === 0
  return (
    <li className={classes.check} data-state={state} data-unasked={unasked || undefined} data-testid={`check-${check.step}-${check.name}`}>
      <CheckIcon state={unasked ? 'waiting' : state} />
      <div className={classes.body}>
        <div className={classes.name}>
          {title(check.name)} <VisuallyHidden role="status">{t(unasked ? 'checks.notYet' : `checks.state.${state}`)}</VisuallyHidden>
        </div>
        {state === 'blocked' && ready && <div className={classes.note}>{t('checks.blocked')}</div>}
        {state === 'passed' && check.message && <div className={classes.note}>{check.message}</div>}
        {failed && (
          <div className={classes.message} role="status">
            {check.message ?? t('checks.failedSilently')}
          </div>
        )}
        {failed && !unasked && check.hint && (
          <div className={classes.hint}>
            <IconBulb size={15} aria-hidden /> {check.hint}
          </div>
        )}
      </div>
      {state !== 'passed' && state !== 'blocked' && ready && (
        <Button
          size="compact-sm"
          variant={check.automatic ? 'subtle' : 'light'}
          loading={run.isPending}
          onClick={() => run.mutate({ step: check.step, name: check.name }, { onError: notifyError })}
          aria-label={t('checks.runNamed', { name: title(check.name) })}
        >
          {t('checks.run')}
        </Button>
      )}
    </li>
  )
}

/** Names are identifiers in lab.yaml: "file-exists" reads as "File exists". */
export function title(name: string): string {
  const words = name.replaceAll(/[-_]+/g, ' ').trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function CheckIcon({ state }: { state: Check['state'] }) {
  switch (state) {
    case 'passed':
      return <IconCircleCheckFilled className={classes.icon} size={20} aria-hidden />
    case 'failed':
      return <IconX className={classes.icon} size={20} aria-hidden />
    case 'error':
      return <IconAlertTriangle className={classes.icon} size={20} aria-hidden />
    case 'blocked':
      return <IconLock className={classes.icon} size={18} aria-hidden />
    case 'running':
      return <Loader size={16} className={classes.icon} aria-hidden />
    case 'waiting':
      return <IconCircleDashed className={classes.icon} size={20} aria-hidden />
  }
}
