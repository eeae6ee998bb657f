import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Radio.layer.css'
import '@mantine/core/styles/RadioCard.layer.css'
import '@mantine/core/styles/RadioIndicator.layer.css'
import { Alert, Button, Group, Radio, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { IconMailCheck } from '@tabler/icons-react'
import { useState, type SubmitEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { BarePage } from '@/components/BarePage'
import { ApiError, messageOf } from '@/lib/api/problem'
import type { Tier } from '@/lib/api/types'
import { useHostBrand, usePageTitle } from '@/lib/brand'
import { nameQuery, tiersQuery, useRegister, type Wish } from './api'
import classes from './Registration.module.css'
import { money } from '@/lib/money'
import { suggestName } from './words'

/** Signs an organisation up: who it is, where its portal will be, and whose address proves it. */
export function RegisterPage() {
  const { t } = useTranslation()
  useHostBrand()
  usePageTitle(t('register.title'))
  const [key] = useState(() => crypto.randomUUID()) // sending the form twice has one effect
  const register = useRegister(key)
  return (
    <BarePage wide>
      {register.isSuccess ? (
        <Sent email={register.variables.email} />
      ) : (
        <>
          <Title order={1} fz={30}>
            {t('register.title')}
          </Title>
          <Text c="dimmed" mt={4} mb="xl">
            {t('register.text')}
          </Text>
          <RegisterForm busy={register.isPending} error={register.error} onSend={(wish) => register.mutate(wish)} />
        </>
      )}
    </BarePage>
  )
}

function Sent({ email }: { email: string }) {
  const { t } = useTranslation()
  return (
    <Stack className={classes.card} align="flex-start" role="status">
      <IconMailCheck size={32} aria-hidden />
      <Title order={1} fz={24}>
        {t('register.sent')}
      </Title>
      <Text>{t('register.sentText', { email })}</Text>
    </Stack>
  )
}

interface FormProps {
  busy: boolean
  error: unknown
  onSend: (wish: Wish) => void
}

function RegisterForm({ busy, error, onSend }: FormProps) {
  const { t } = useTranslation()
  const [wish, setWish] = useState<Wish>({ title: '', name: '', email: '', adminName: '', tier: 'basic' })
  const [named, setNamed] = useState(false) // the name was typed, not suggested
  const [asked] = useDebouncedValue(wish.name, 300)
  const name = useQuery(nameQuery(asked))
  const set = (part: Partial<Wish>) => setWish((before) => ({ ...before, ...part }))
  const problem = (field: keyof Wish) => (error instanceof ApiError ? error.field(field) : undefined)
  const general = error && !(['title', 'name', 'email', 'adminName', 'tier'] as const).some((field) => problem(field))
  const taken = name.data?.name === wish.name && !name.data.free ? (name.data.problem ?? t('register.taken')) : undefined
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    onSend(wish)
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="lg">
        <TierCards value={wish.tier} onChange={(tier) => set({ tier })} error={problem('tier')} />
        <TextInput
          required
          withAsterisk={false}
          label={t('register.organisation')}
          autoComplete="organization"
          maxLength={100}
          value={wish.title}
          error={problem('title')}
          onChange={({ currentTarget: { value } }) => set(named ? { title: value } : { title: value, name: suggestName(value) })}
        />
        <TextInput
          required
          withAsterisk={false}
          label={t('register.name')}
          description={t('register.nameText')}
          autoComplete="off"
          spellCheck={false}
          maxLength={40}
          value={wish.name}
          error={problem('name') ?? taken}
          onChange={({ currentTarget: { value } }) => {
            setNamed(true)
            set({ name: value.toLowerCase() })
          }}
        />
        <TextInput
          required
          withAsterisk={false}
          label={t('register.yourName')}
          autoComplete="name"
          maxLength={100}
          value={wish.adminName}
          error={problem('adminName')}
          onChange={({ currentTarget: { value } }) => set({ adminName: value })}
        />
        <TextInput
          required
          withAsterisk={false}
          type="email"
          label={t('register.email')}
          description={t('register.emailText')}
          autoComplete="email"
          maxLength={254}
          value={wish.email}
          error={problem('email')}
          onChange={({ currentTarget: { value } }) => set({ email: value })}
        />
        {general ? (
          <Alert color="red" variant="light" role="alert">
            {messageOf(error)}
          </Alert>
        ) : null}
        <Group>
          <Button type="submit" size="md" loading={busy}>
            {t('register.send')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function TierCards({ value, onChange, error }: { value: string; onChange: (tier: string) => void; error: string | undefined }) {
  const { t } = useTranslation()
  const { data } = useQuery(tiersQuery())
  return (
    <Radio.Group label={t('register.tier')} value={value} onChange={onChange} error={error}>
      <div className={classes.tiers}>
        {data?.items.map((tier) => (
          <Radio.Card key={tier.name} value={tier.name} className={classes.tier}>
            <Group gap="sm" wrap="nowrap" align="flex-start">
              <Radio.Indicator mt={2} />
              <div>
                <Text fw={600}>{tier.title}</Text>
                <Text size="sm">{tier.price > 0 ? t('register.price', { price: money(tier.price, tier.currency) }) : t('register.free')}</Text>
                <Limits tier={tier} />
              </div>
            </Group>
          </Radio.Card>
        ))}
      </div>
    </Radio.Group>
  )
}

function Limits({ tier }: { tier: Tier }) {
  const { t } = useTranslation()
  const { members, sessions } = tier.limits
  return (
    <ul className={classes.limits}>
      {members !== undefined && <li>{t('register.members', { count: members })}</li>}
      {sessions !== undefined && <li>{t('register.sessions', { count: sessions })}</li>}
      {tier.placement === 'silo' && <li>{t('register.silo')}</li>}
    </ul>
  )
}
