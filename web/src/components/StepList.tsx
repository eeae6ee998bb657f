import { Loader, VisuallyHidden } from '@mantine/core'
import { IconArrowBackUp, IconCircle, IconCircleCheckFilled, IconCircleXFilled, IconClockPause } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import type { WorkflowStep } from '@/lib/api/types'
import { elapsed } from '@/lib/format'
import { useNow } from '@/lib/useNow'
import classes from './StepList.module.css'

/** The steps of a long change, each with its state, its time, what it does just now and what went wrong. */
export function StepList({ steps, label }: { steps: WorkflowStep[]; label: string }) {
  const { t } = useTranslation()
  return (
    <ol className={classes.steps} aria-label={label}>
      {steps.map((step) => (
        <li key={step.name}>
          <StepIcon state={step.state} />
          <span className={classes.title}>
            {step.title}
            <VisuallyHidden>, {t(`workflow.step.${step.state}`)}</VisuallyHidden>
          </span>
          <Took step={step} />
          {step.note && <span className={classes.note}>{progress(step)}</span>}
          {step.error && step.state !== 'done' && <span className={classes.error}>{step.error}</span>}
        </li>
      ))}
    </ol>
  )
}

function progress(step: WorkflowStep): string {
  return step.total > 0 && step.state === 'running' ? `${step.note} · ${Math.floor((100 * step.done) / step.total)} %` : (step.note ?? '')
}

function Took({ step }: { step: WorkflowStep }) {
  const running = step.state === 'running'
  const now = useNow(running)
  if (!step.startedAt) return null
  const until = step.endedAt ? Date.parse(step.endedAt) : running ? now : undefined
  if (until === undefined) return null
  return <span className={classes.time}>{elapsed(Math.max(0, until - Date.parse(step.startedAt)))}</span>
}

function StepIcon({ state }: { state: WorkflowStep['state'] }) {
  if (state === 'running') return <Loader size={18} aria-hidden />
  if (state === 'done') return <IconCircleCheckFilled size={20} aria-hidden className={classes.good} />
  if (state === 'failed') return <IconCircleXFilled size={20} aria-hidden className={classes.bad} />
  if (state === 'waiting') return <IconClockPause size={20} aria-hidden className={classes.pending} />
  if (state === 'undone') return <IconArrowBackUp size={20} aria-hidden className={classes.pending} />
  return <IconCircle size={20} aria-hidden className={classes.pending} />
}
