import { Anchor, Button, Group, Loader, Stack, Text, Title } from '@mantine/core'
import { IconMailOff } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { BarePage } from '@/components/BarePage'
import { Empty } from '@/components/Empty'
import { ButtonLink, TextLink } from '@/components/links'
import { notifyError } from '@/components/notify'
import { Secret } from '@/components/Secret'
import { StepList } from '@/components/StepList'
import { followEvents } from '@/lib/api/events'
import { messageOf } from '@/lib/api/problem'
import { useHostBrand, usePageTitle } from '@/lib/brand'
import type { Registration } from '@/lib/api/types'
import { confirmRegistration, useEnter, useFirstKey } from './api'
import classes from './Registration.module.css'

/** Where this tab keeps the token from the mail: a reload goes on, the address shows nothing. */
const place = 'cloudkida.registration'

/** Takes the token out of the address at once: it must not stay in the history. */
function takeToken(): string {
  const given = new URLSearchParams(window.location.hash.slice(1)).get('token')
  if (given) {
    sessionStorage.setItem(place, given)
    window.history.replaceState(window.history.state, '', window.location.pathname)
  }
  return given ?? sessionStorage.getItem(place) ?? ''
}

/** Proves the address and shows how the organisation's portal is made, step by step. */
export function ConfirmPage() {
  const { t } = useTranslation()
  useHostBrand()
  usePageTitle(t('register.title'))
  const [token] = useState(takeToken)
  const { now, error } = useRegistration(token)
  return (
    <BarePage wide>
      {!token && (
        <Empty order={1} icon={<IconMailOff size={26} />} title={t('register.noTokenTitle')} text={t('register.noToken')}>
          <ButtonLink to="/register">{t('register.again')}</ButtonLink>
        </Empty>
      )}
      {error !== undefined && !now && (
        <div role="alert">
          <Empty order={1} icon={<IconMailOff size={26} />} title={t('register.failed')} text={messageOf(error)}>
            <ButtonLink to="/register">{t('register.again')}</ButtonLink>
          </Empty>
        </div>
      )}
      {token && !now && error === undefined && <Loader aria-label={t('register.proving')} />}
      {now && <Progress registration={now} token={token} />}
    </BarePage>
  )
}

/** Confirms once and follows what comes of it. */
function useRegistration(token: string) {
  const [now, setNow] = useState<Registration>()
  const [error, setError] = useState<unknown>()
  useEffect(() => {
    if (!token) return
    const life = new AbortController()
    const send = (request: Request) => {
      request.headers.set('Registration-Token', token)
      return fetch(request)
    }
    const onEvent = ({ event, data }: { event: string; data: string }) => {
      if (event !== 'registration') return
      const next = JSON.parse(data) as Registration
      setNow(next)
      if (next.state === 'ready' || next.state === 'failed') life.abort()
    }
    void (async () => {
      try {
        const begun = await confirmRegistration(token)
        if (life.signal.aborted) return
        setNow(begun)
        if (begun.state === 'ready' || begun.state === 'failed') return
        const follower = { send, onEvent, onOpen: () => undefined, onLost: () => undefined }
        await followEvents(`/v1/registrations/${begun.id}/events`, follower, life.signal)
      } catch (reason) {
        if (!life.signal.aborted) setError(reason)
      }
    })()
    return () => life.abort()
  }, [token])
  return { now, error }
}

function Progress({ registration, token }: { registration: Registration; token: string }) {
  const { t } = useTranslation()
  const { state, title } = registration
  return (
    <Stack gap="lg">
      <div aria-live="polite">
        <Title order={1} fz={28}>
          {t(`register.state.${state}`, { title })}
        </Title>
        {registration.problem && (
          <Text c="var(--mantine-color-error)" mt="xs">
            {registration.problem}
          </Text>
        )}
      </div>
      <div className={classes.card}>
        <StepList steps={registration.steps} label={t('register.steps')} />
      </div>
      {state === 'failed' && (
        <Text>
          {t('register.failedText')} <TextLink to="/register">{t('register.again')}</TextLink>
        </Text>
      )}
      {state === 'ready' && registration.firstKey && <FirstKey token={token} />}
      {state === 'ready' && <Enter registration={registration} token={token} />}
    </Stack>
  )
}

function Enter({ registration, token }: { registration: Registration; token: string }) {
  const { t } = useTranslation()
  const enter = useEnter(token)
  const open = () => enter.mutate(undefined, { onSuccess: ({ link }) => window.location.assign(link), onError: notifyError })
  return (
    <Group>
      {registration.needsPassword ? (
        <Button size="md" loading={enter.isPending} onClick={open}>
          {t('register.password')}
        </Button>
      ) : (
        <Button size="md" component="a" href={registration.signIn}>
          {t('landing.signIn')}
        </Button>
      )}
      <Text size="sm" c="dimmed">
        {t('register.portal')} <Anchor href={registration.signIn}>{registration.signIn}</Anchor>
      </Text>
    </Group>
  )
}

/** The key that the first owner is given. It is asked for by a press alone: a reload could not show it again. */
function FirstKey({ token }: { token: string }) {
  const { t } = useTranslation()
  const key = useFirstKey(token)
  return (
    <section className={classes.card} aria-labelledby="first-key">
      <Stack gap="sm" p="lg">
        <Title order={2} fz="md" id="first-key">
          {t('register.keyTitle')}
        </Title>
        <Text size="sm" c="dimmed">
          {t('register.keyText')}
        </Text>
        {key.data ? (
          <Secret secret={key.data.secret} curl={`curl -H 'Authorization: Bearer ${key.data.secret}' '${window.location.origin}/v1/labs'`} />
        ) : (
          <Group>
            <Button variant="default" loading={key.isPending} onClick={() => key.mutate(undefined, { onError: notifyError })}>
              {t('register.key')}
            </Button>
          </Group>
        )}
      </Stack>
    </section>
  )
}
