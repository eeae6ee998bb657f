import { Loader, Stack, Text, Title } from '@mantine/core'
import { IconCircle, IconCircleCheckFilled, IconCircleXFilled } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import type { ProvisioningStep, Session } from '@/lib/api/types'
import { elapsed } from '@/lib/format'
import { useNow } from '@/lib/useNow'
import classes from './Starting.module.css'

/** In place of the terminals while the environment is made: every real step with its time. */
export function Starting({ session }: { session: Session }) {
  const { t } = useTranslation()
  return (
    <div className={classes.stage}>
      <Stack gap={4} className={classes.card}>
        <Title order={2} fz="lg">
          {t('starting.title')}
        </Title>
        <Text size="sm" c="dimmed" mb="md">
          {t('starting.text')}
        </Text>
        <ProvisioningSteps steps={session.provisioning} />
      </Stack>
    </div>
  )
}

export function ProvisioningSteps({ steps }: { steps: ProvisioningStep[] }) {
  const { t } = useTranslation()
  return (
    <ol className={classes.steps} aria-live="polite" aria-label={t('starting.steps')}>
      {steps.map((step) => (
        <li key={step.name} data-state={step.state}>
          <StepIcon state={step.state} />
          <span className={classes.title}>
            {step.title}
            <span className={classes.srOnly}>{t(`starting.state.${step.state}`)}</span>
          </span>
          <Took step={step} />
          {step.error && <span className={classes.error}>{step.error}</span>}
        </li>
      ))}
    </ol>
  )
}

function Took({ step }: { step: ProvisioningStep }) {
  const running = step.state === 'running'
  const now = useNow(running)
  if (step.durationMs !== undefined && !running) return <span className={classes.time}>{elapsed(step.durationMs)}</span>
  if (!running || !step.startedAt) return null
  return <span className={classes.time}>{elapsed(Math.max(0, now - Date.parse(step.startedAt)))}</span>
}

function StepIcon({ state }: { state: ProvisioningStep['state'] }) {
  if (state === 'running') return <Loader size={18} aria-hidden />
  if (state === 'done') return <IconCircleCheckFilled size={20} aria-hidden className={classes.good} />
  if (state === 'failed') return <IconCircleXFilled size={20} aria-hidden className={classes.bad} />
  return <IconCircle size={20} aria-hidden className={classes.pending} />
}
