import { Alert, Button, Group, Loader, Stack, Text, ThemeIcon, Title } from '@mantine/core'
import { IconAlertTriangle, IconClockOff, IconConfetti, IconRefresh } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { ButtonLink } from '@/components/links'
import type { Session } from '@/lib/api/types'
import { duration } from '@/lib/format'
import { ProvisioningSteps } from './Starting'
import classes from './Starting.module.css'

interface Props {
  session: Session
  onAgain: () => void
  busy: boolean
}

/** In place of the terminals once a session is over: how it went, and how to go on. */
export function Over({ session, onAgain, busy }: Props) {
  if (session.state === 'failed' && !session.readyAt) return <FailedStart session={session} onAgain={onAgain} busy={busy} />
  return <Ended session={session} onAgain={onAgain} busy={busy} />
}

/** The steps of the start with the one that failed, its reason and its remedy. */
function FailedStart({ session, onAgain, busy }: Props) {
  const { t } = useTranslation()
  return (
    <div className={classes.stage}>
      <Stack gap="md" className={classes.card}>
        <Title order={2} fz="lg">
          {t('over.failedStart')}
        </Title>
        {session.reason && (
          <Alert color="red" icon={<IconAlertTriangle size={18} />} role="alert">
            {session.reason.message}
          </Alert>
        )}
        <ProvisioningSteps steps={session.provisioning} />
        <Group>
          <Button leftSection={<IconRefresh size={16} />} loading={busy} onClick={onAgain}>
            {t('over.tryAgain')}
          </Button>
          <ButtonLink to="/" variant="subtle" color="gray">
            {t('over.catalogue')}
          </ButtonLink>
        </Group>
        <Text size="xs" c="dimmed">
          {t('over.session', { id: session.id })}
        </Text>
      </Stack>
    </div>
  )
}

function Ended({ session, onAgain, busy }: Props) {
  const { t } = useTranslation()
  const ending = session.state === 'ending'
  const failed = session.state === 'failed'
  const title = session.completed ? t('over.completed') : failed ? t('over.failed') : ending ? t('over.ending') : t('over.ended')
  return (
    <div className={classes.stage}>
      <Stack gap="md" className={classes.card} align="flex-start">
        <ThemeIcon size={48} radius="xl" variant="light" color={session.completed ? 'green' : failed ? 'red' : 'gray'}>
          {ending ? <Loader size={22} color="gray" /> : session.completed ? <IconConfetti size={26} /> : <IconClockOff size={26} />}
        </ThemeIcon>
        <div>
          <Title order={2} fz="xl">
            {title}
          </Title>
          {session.reason?.message && (
            <Text size="sm" c="dimmed" mt={4}>
              {session.reason.message}
            </Text>
          )}
        </div>
        <Summary session={session} />
        <Group>
          <ButtonLink to="/" variant={session.completed ? 'filled' : 'default'}>
            {t('over.catalogue')}
          </ButtonLink>
          <Button
            variant={session.completed ? 'default' : 'filled'}
            leftSection={<IconRefresh size={16} />}
            loading={busy}
            disabled={ending}
            onClick={onAgain}
          >
            {t('over.again')}
          </Button>
        </Group>
      </Stack>
    </div>
  )
}

/** Steps, points and time of a session, as a small table of facts. */
export function Summary({ session }: { session: Session }) {
  const { t } = useTranslation()
  const from = session.readyAt ? Date.parse(session.readyAt) : undefined
  const to = session.endedAt ? Date.parse(session.endedAt) : undefined
  return (
    <dl className={classes.facts}>
      <div>
        <dt>{t('over.steps')}</dt>
        <dd>
          {session.steps.filter((step) => step.done).length}/{session.steps.length}
        </dd>
      </div>
      {session.points > 0 && (
        <div>
          <dt>{t('over.points')}</dt>
          <dd>
            {session.score}/{session.points}
          </dd>
        </div>
      )}
      {from !== undefined && to !== undefined && (
        <div>
          <dt>{t('over.time')}</dt>
          <dd>{duration((to - from) / 1000)}</dd>
        </div>
      )}
    </dl>
  )
}
