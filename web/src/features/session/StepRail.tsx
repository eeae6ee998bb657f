import { UnstyledButton, VisuallyHidden } from '@mantine/core'
import { IconCheck } from '@tabler/icons-react'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import type { GuideStep, SessionStep } from '@/lib/api/types'
import classes from './StepRail.module.css'

interface Props {
  steps: GuideStep[]
  progress: SessionStep[]
  selected: number
  onSelect: (step: number) => void
}

/** All steps in a row: which are done, which one is open. */
export function StepRail({ steps, progress, selected, onSelect }: Props) {
  const { t } = useTranslation()
  const current = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    current.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [selected])
  return (
    <nav aria-label={t('lab.steps')} className={classes.rail}>
      <ol>
        {steps.map((step, position) => {
          const done = progress[position]?.done ?? false
          const open = position === selected
          return (
            <li key={step.index}>
              <UnstyledButton
                ref={open ? current : undefined}
                className={classes.step}
                data-done={done || undefined}
                aria-current={open ? 'step' : undefined}
                title={step.title}
                onClick={() => onSelect(position)}
              >
                <span className={classes.mark} aria-hidden>
                  {done ? <IconCheck size={13} stroke={3} /> : position + 1}
                </span>
                <span className={open ? classes.title : classes.hidden}>{step.title}</span>
                {done && <VisuallyHidden>{t('lab.stepDone')}</VisuallyHidden>}
              </UnstyledButton>
            </li>
          )
        })}
      </ol>
    </nav>
  )
}
