import '@mantine/core/styles/Alert.layer.css'
import { Alert, Button, Group, Loader, Stack, Text, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconMailOff } from '@tabler/icons-react'
import { Suspense, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { BarePage } from '@/components/BarePage'
import { Empty } from '@/components/Empty'
import { ButtonLink } from '@/components/links'
import { messageOf } from '@/lib/api/problem'
import { useHostBrand, usePageTitle } from '@/lib/brand'
import type { InvitationOffer, Me } from '@/lib/api/types'
import { signIn, signOut, switchTenant } from '@/lib/auth'
import { offerQuery, useAccept, useEnter } from './api'
import classes from './Invitation.module.css'
import { dropToken } from './token'

interface Props {
  token: string
  /** What somebody with an account does. */
  account: ReactNode
}

/** Shows who invites to what, and lets whoever has the link accept. */
export function InvitationPage({ token, account }: Props) {
  const { t } = useTranslation()
  const offer = useQuery(offerQuery(token))
  useHostBrand(offer.data?.tenant)
  usePageTitle(t('invitation.title'))
  return (
    <BarePage>
      {!token && (
        <Empty order={1} icon={<IconMailOff size={26} />} title={t('invitation.noTokenTitle')} text={t('invitation.noToken')}>
          <ButtonLink to="/">{t('errors.start')}</ButtonLink>
        </Empty>
      )}
      {offer.error && (
        <div role="alert">
          <Empty order={1} icon={<IconMailOff size={26} />} title={t('invitation.over')} text={messageOf(offer.error)}>
            <ButtonLink to="/">{t('errors.start')}</ButtonLink>
          </Empty>
        </div>
      )}
      {token && offer.isPending && <Loader aria-label={t('invitation.looking')} />}
      {offer.data && (
        <Stack gap="lg">
          <Title order={1} fz={28}>
            {t('invitation.heading', { organisation: offer.data.organisation })}
          </Title>
          <div className={classes.card}>
            <Text>{t(`invitation.as.${offer.data.role}`)}</Text>
            <Text size="sm" c="dimmed" mt={4}>
              {t('invitation.for', { email: offer.data.email })}
            </Text>
          </div>
          {offer.data.next === 'sign-in' ? (
            <Suspense fallback={<Loader aria-label={t('invitation.looking')} />}>{account}</Suspense>
          ) : (
            <EnterForm token={token} offer={offer.data} />
          )}
        </Stack>
      )}
    </BarePage>
  )
}

function EnterForm({ token, offer }: { token: string; offer: InvitationOffer }) {
  const { t } = useTranslation()
  const enter = useEnter(token)
  const [name, setName] = useState('')
  const join = offer.next === 'join'
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        enter.mutate(name, { onSuccess: ({ link }) => window.location.assign(link) })
      }}
    >
      <Stack gap="md">
        {offer.claims && (
          <Alert color="yellow" title={t('invitation.claims')}>
            {t('invitation.claimsText')}
          </Alert>
        )}
        {offer.needsName && (
          <TextInput
            label={t('register.yourName')}
            autoComplete="name"
            required
            withAsterisk={false}
            maxLength={100}
            value={name}
            onChange={({ currentTarget: { value } }) => setName(value)}
          />
        )}
        {enter.error && <Problem error={enter.error} />}
        <Group>
          <Button size="md" type="submit" loading={enter.isPending} disabled={offer.needsName && name.trim() === ''}>
            {t(join ? 'invitation.join' : 'register.password')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** Comes back to this page, which keeps the token. */
export function SignInToAccept() {
  const { t } = useTranslation()
  return (
    <Stack gap="md" align="flex-start">
      <Text>{t('invitation.signInText')}</Text>
      <Button size="md" onClick={() => void signIn('/invitation')}>
        {t('landing.signIn')}
      </Button>
    </Stack>
  )
}

/** As the server compares addresses, which has the last word. */
function sameMailbox(one: string, other: string): boolean {
  const key = (email: string) => email.normalize('NFKC').toLowerCase().normalize('NFC')
  return key(one) === key(other)
}

export function AcceptAs({ token, me }: { token: string; me: Me }) {
  const { t } = useTranslation()
  const accept = useAccept(token)
  const { data: offer } = useQuery(offerQuery(token))
  const onSuccess = ({ tenant }: { tenant: string }) => {
    dropToken()
    void switchTenant(tenant)
  }
  if (offer && !sameMailbox(offer.email, me.email)) {
    return (
      <Stack gap="md" align="flex-start">
        <Alert color="yellow" role="alert" title={t('invitation.another', { email: offer.email })}>
          {t('invitation.anotherText', { name: me.name, email: me.email })}
        </Alert>
        <Button size="md" onClick={() => void signOut()}>
          {t('shell.signOut')}
        </Button>
      </Stack>
    )
  }
  return (
    <Stack gap="md" align="flex-start">
      <Text>{t('invitation.signedIn', { name: me.name, email: me.email })}</Text>
      {accept.error && <Problem error={accept.error} />}
      <Group>
        <Button size="md" loading={accept.isPending} onClick={() => accept.mutate(undefined, { onSuccess })}>
          {t('invitation.accept')}
        </Button>
        <Button size="md" variant="default" onClick={() => void signOut()}>
          {t('shell.signOut')}
        </Button>
      </Group>
    </Stack>
  )
}

function Problem({ error }: { error: unknown }) {
  return (
    <Alert color="red" variant="light" role="alert">
      {messageOf(error)}
    </Alert>
  )
}
