import { Alert, Button, Group, Loader, Stack, Text, VisuallyHidden } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { IconCircle, IconCircleCheckFilled, IconCircleXFilled, IconExternalLink, IconTestPipe } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { notifyError } from '@/components/notify'
import { messageOf } from '@/lib/api/problem'
import type { IdentityProvider, ProviderStep } from '@/lib/api/types'
import { providerQuery, testProvider, testSignIn } from './providers'
import classes from '@/components/StepList.module.css'

const withoutPerson: ProviderStep['name'][] = ['discovery', 'issuer', 'keys', 'authorize', 'token']
const withPerson: ProviderStep['name'][] = ['answer', 'tokens', 'claims']

/** Tries a provider step by step: first what needs no person, then a sign-in that opens nothing. */
export function ProviderTest({ provider, onClose }: { provider: IdentityProvider; onClose: () => void }) {
  const { t } = useTranslation()
  const { mutate, ...test } = useMutation({ mutationFn: () => testProvider(provider.id) })
  const [since, setSince] = useState<string>()
  const watching = since !== undefined
  const now = useQuery(providerQuery(provider.id, watching))
  const signIn = useMutation({
    mutationFn: () => testSignIn(provider.id),
    onSuccess: ({ link }) => {
      setSince(now.data?.testedAt ?? '')
      window.open(link, '_blank', 'noopener')
    },
    onError: notifyError,
  })
  useEffect(() => mutate(), [mutate])
  const came = watching && (now.data?.testedAt ?? '') !== since
  const waiting = watching && !came
  return (
    <Dialog opened onClose={onClose} title={t('providers.testOf', { name: provider.name })} centered>
      <Stack gap="md">
        <Steps label={t('providers.steps')} order={withoutPerson} steps={test.data?.steps} running={test.isPending} />
        {test.error && (
          <Alert color="red" variant="light" role="alert">
            {messageOf(test.error)}
          </Alert>
        )}
        <Text size="sm">{t('providers.signInText')}</Text>
        {(waiting || (now.data?.lastTest.length ?? 0) > 0) && (
          <Steps label={t('providers.signInSteps')} order={withPerson} steps={waiting ? undefined : now.data?.lastTest} running={waiting} />
        )}
        <Group justify="flex-end">
          <Button variant="default" leftSection={<IconTestPipe size={16} />} loading={test.isPending} onClick={() => mutate()}>
            {t('providers.again')}
          </Button>
          <Button leftSection={<IconExternalLink size={16} />} loading={signIn.isPending} onClick={() => signIn.mutate()}>
            {t('providers.signIn')}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  )
}

interface StepsProps {
  label: string
  order: ProviderStep['name'][]
  steps: ProviderStep[] | undefined
  running: boolean
}

function Steps({ label, order, steps, running }: StepsProps) {
  const { t } = useTranslation()
  const shown = order.map((name) => ({ name, found: running ? undefined : steps?.find((step) => step.name === name) }))
  return (
    <ol className={classes.steps} aria-label={label} aria-busy={running}>
      {shown.map(({ name, found }, index) => (
        <li key={name}>
          <StepIcon step={found} running={running && index === 0} />
          <span className={classes.title}>
            {t(`providers.step.${name}`)}
            <VisuallyHidden>, {t(found ? (found.ok ? 'providers.good' : 'providers.bad') : 'providers.open')}</VisuallyHidden>
          </span>
          {found && <span className={classes.time}>{found.took} ms</span>}
          {found?.detail && <span className={found.ok ? classes.note : classes.error}>{found.detail}</span>}
        </li>
      ))}
    </ol>
  )
}

function StepIcon({ step, running }: { step: ProviderStep | undefined; running: boolean }) {
  if (running) return <Loader size={18} aria-hidden />
  if (!step) return <IconCircle size={20} aria-hidden className={classes.pending} />
  if (step.ok) return <IconCircleCheckFilled size={20} aria-hidden className={classes.good} />
  return <IconCircleXFilled size={20} aria-hidden className={classes.bad} />
}
