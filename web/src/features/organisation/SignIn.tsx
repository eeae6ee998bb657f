import '@mantine/core/styles/Switch.layer.css'
import '@mantine/core/styles/Code.layer.css'
import { Alert, Badge, Button, Group, Stack, Switch, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconKey, IconPlus, IconTestPipe } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Empty } from '@/components/Empty'
import { ListFrame } from '@/components/list/ListFrame'
import { whole } from '@/components/list/useList'
import { notifyError } from '@/components/notify'
import { PoolSettings } from '@/components/PoolSettings'
import type { IdentityProvider } from '@/lib/api/types'
import { providersQuery, useProviders } from './providers'
import { ProviderDialog } from './ProviderDialog'
import { ProviderTest } from './ProviderTest'
import classes from './Organisation.module.css'

type Asked = { do: 'add' } | { do: 'edit' | 'test' | 'remove'; provider: IdentityProvider }

/** How the organisation's people sign in: its own identity providers, and whether there is any other way. */
export function SignIn({ owner }: { owner: boolean }) {
  const { t } = useTranslation()
  const list = useQuery(providersQuery())
  const [asked, setAsked] = useState<Asked>()
  const { remove } = useProviders()
  const close = () => setAsked(undefined)
  const { items = [], redirectUri = '', onlyThrough = false, ruleETag = '' } = list.data ?? {}
  const add = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setAsked({ do: 'add' })}>
      {t('providers.add')}
    </Button>
  )
  return (
    <Stack gap="xl">
      <ListFrame
        list={whole(list, list.data?.items)}
        label={t('providers.title')}
        title={t('providers.title')}
        text={t('providers.text')}
        action={items.length > 0 && add}
        empty={
          <Empty icon={<IconKey size={26} />} title={t('providers.none')} text={t('providers.noneText')}>
            {add}
          </Empty>
        }
      >
        {(shown) => (
          <ul className={classes.cards}>
            {shown.map((provider) => (
              <ProviderCard key={provider.id} provider={provider} owner={owner} onAsk={(what) => setAsked({ do: what, provider })} />
            ))}
          </ul>
        )}
      </ListFrame>
      {list.data && <Only onlyThrough={onlyThrough} etag={ruleETag} possible={items.some(({ enabled }) => enabled)} />}
      <section>
        <Title order={2} fz="lg">
          {t('pools.heading')}
        </Title>
        <Text size="sm" c="dimmed" mb="md">
          {t('pools.headingText')}
        </Text>
        <PoolSettings which={{ own: true }} writes />
      </section>
      {(asked?.do === 'add' || asked?.do === 'edit') && (
        <ProviderDialog provider={asked.do === 'edit' ? asked.provider : undefined} redirectUri={redirectUri} onClose={close} />
      )}
      {asked?.do === 'test' && <ProviderTest provider={asked.provider} onClose={close} />}
      <ConfirmDialog
        opened={asked?.do === 'remove'}
        title={t('providers.removeTitle', { name: asked?.do === 'remove' ? asked.provider.name : '' })}
        text={t('providers.removeText')}
        confirm={t('members.remove')}
        busy={remove.isPending}
        onClose={close}
        onConfirm={() => asked?.do === 'remove' && remove.mutate(asked.provider.id, { onSuccess: close, onError: notifyError })}
      />
    </Stack>
  )
}

interface CardProps {
  provider: IdentityProvider
  owner: boolean
  onAsk: (what: 'edit' | 'test' | 'remove') => void
}

function ProviderCard({ provider, owner, onAsk }: CardProps) {
  const { t } = useTranslation()
  const { name } = provider
  return (
    <li className={`${classes.card} ${classes.panel}`} aria-label={name}>
      <Group justify="space-between" gap="md">
        <div className={classes.grow}>
          <Group gap="xs">
            <Text fw={600}>{name}</Text>
            <Badge variant="light" color={provider.enabled ? 'green' : 'gray'}>
              {t(provider.enabled ? 'providers.on' : 'providers.off')}
            </Badge>
            {provider.justInTime && (
              <Badge variant="light" color="gray">
                {t('providers.justInTime')}
              </Badge>
            )}
          </Group>
          <div className={classes.detail}>{provider.issuer}</div>
        </div>
        <Group gap="xs">
          <Button size="xs" variant="default" leftSection={<IconTestPipe size={14} />} aria-label={t('providers.testOf', { name })} onClick={() => onAsk('test')}>
            {t('providers.test')}
          </Button>
          <Button size="xs" variant="default" aria-label={t('providers.editOf', { name })} onClick={() => onAsk('edit')}>
            {t('providers.edit')}
          </Button>
          <Button size="xs" variant="default" aria-label={t('providers.removeTitle', { name })} onClick={() => onAsk('remove')}>
            {t('members.remove')}
          </Button>
        </Group>
      </Group>
      {!provider.byOwner && (
        <Alert mt="sm" color="yellow" variant="light">
          {t(owner ? 'providers.byAdminOwner' : 'providers.byAdmin')}
        </Alert>
      )}
    </li>
  )
}

/** The switch that closes every other way, with what that means before it happens. */
function Only({ onlyThrough, etag, possible }: { onlyThrough: boolean; etag: string; possible: boolean }) {
  const { t } = useTranslation()
  const [asking, setAsking] = useState(false)
  const { rule } = useProviders()
  const set = (wanted: boolean) =>
    rule.mutate({ onlyThrough: wanted, etag }, { onSuccess: () => setAsking(false), onError: notifyError })
  return (
    <section>
      <Title order={2} fz="lg" mb="sm">
        {t('providers.rule')}
      </Title>
      <div className={`${classes.card} ${classes.panel}`}>
        <Switch
          label={t('providers.only')}
          description={t(possible || onlyThrough ? 'providers.onlyText' : 'providers.onlyImpossible')}
          checked={onlyThrough}
          disabled={!possible && !onlyThrough}
          onChange={({ currentTarget: { checked } }) => (checked ? setAsking(true) : set(false))}
        />
      </div>
      <ConfirmDialog
        opened={asking}
        title={t('providers.onlyTitle')}
        text={t('providers.onlyWarning')}
        confirm={t('providers.onlyConfirm')}
        busy={rule.isPending}
        onClose={() => setAsking(false)}
        onConfirm={() => set(true)}
      />
    </section>
  )
}
