import '@mantine/core/styles/Menu.layer.css'
import '@mantine/core/styles/Popover.layer.css'
import '@mantine/core/styles/Checkbox.layer.css'
import { Badge, Button, Checkbox, Code, Group, Skeleton, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconKey, IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { NameDialog } from '@/components/NameDialog'
import { SecretDialog } from '@/components/SecretDialog'
import type { ApiKey, ApiKeyList } from '@/lib/api/types'
import { ago, dateTime } from '@/lib/format'
import classes from '../Organisation.module.css'
import { curlOf, isScope, keysQuery, useKeys } from './api'
import { KeyForm } from './KeyForm'
import { RenameKey } from './RenameKey'
import { RotateKey } from './RotateKey'

const most = 50

/** The organisation's API keys. */
export function ApiKeys() {
  const list = useQuery(keysQuery())
  if (list.error && !list.data) return <Failure error={list.error} onRetry={() => void list.refetch()} />
  if (!list.data) return <Skeleton h={220} radius="lg" />
  return <Loaded list={list.data} />
}

type Open = { what: 'add' } | { what: 'rename' | 'rotate' | 'revoke'; key: ApiKey } | { what: 'secret'; title: string; secret: string; scopes: string[] }

function Loaded({ list }: { list: ApiKeyList }) {
  const { t } = useTranslation()
  const [open, setOpen] = useState<Open>()
  const [revoked, setRevoked] = useState(false)
  const { revoke } = useKeys()
  const close = () => {
    revoke.reset()
    setOpen(undefined)
  }
  const living = list.items.filter(({ state }) => state !== 'revoked')
  const full = living.length >= most
  const shown = revoked ? list.items : living
  const add = (
    <Button leftSection={<IconPlus size={16} />} disabled={full} onClick={() => setOpen({ what: 'add' })}>
      {t('keys.add')}
    </Button>
  )
  return (
    <>
      {list.items.length === 0 ? (
        <Empty icon={<IconKey size={26} />} title={t('keys.none')} text={t('keys.noneText')}>
          {add}
        </Empty>
      ) : (
        <>
          <Group justify="space-between" align="flex-start" mb="md">
            <div className={classes.intro}>
              <Title order={2} fz="lg">
                {t('keys.title')}
              </Title>
              <Text size="sm" c="dimmed">
                {t('keys.text')}
              </Text>
            </div>
            {add}
          </Group>
          <Stack component="ul" className={classes.domains}>
            {shown.map((key) => (
              <KeyCard key={key.id} item={key} onDo={(what) => setOpen({ what, key })} />
            ))}
          </Stack>
          {full && (
            <Text size="sm" c="dimmed" mt="md">
              {t('keys.full')}
            </Text>
          )}
          {living.length < list.items.length && (
            <Checkbox mt="md" label={t('keys.showRevoked')} checked={revoked} onChange={({ currentTarget: { checked } }) => setRevoked(checked)} />
          )}
        </>
      )}
      {open?.what === 'add' && (
        <KeyForm
          grantable={list.grantable}
          onClose={close}
          onMade={(made) => setOpen({ what: 'secret', title: t('keys.made', { name: made.name }), secret: made.secret, scopes: made.scopes })}
        />
      )}
      {open?.what === 'rename' && <RenameKey item={open.key} onClose={close} />}
      {open?.what === 'rotate' && (
        <RotateKey
          item={open.key}
          onClose={close}
          onMade={(made) => setOpen({ what: 'secret', title: t('keys.rotated', { name: made.name }), secret: made.secret, scopes: made.scopes })}
        />
      )}
      {open?.what === 'revoke' && (
        <NameDialog
          title={t('keys.revokeTitle', { name: open.key.name })}
          text={t('keys.revokeText')}
          name={open.key.name}
          confirm={t('keys.revoke')}
          busy={revoke.isPending}
          error={revoke.error}
          onClose={close}
          onConfirm={() => revoke.mutate(open.key.id, { onSuccess: close })}
        />
      )}
      {open?.what === 'secret' && <SecretDialog title={open.title} secret={open.secret} curl={curlOf(open.secret, open.scopes)} onClose={close} />}
    </>
  )
}

const colours = { active: 'green', expired: 'gray', revoked: 'gray', stopped: 'red' } as const

interface CardProps {
  item: ApiKey
  onDo: (what: 'rename' | 'rotate' | 'revoke') => void
}

function KeyCard({ item, onDo }: CardProps) {
  const { t } = useTranslation()
  const scopes = (list: string[]) => list.map((scope) => (isScope(scope) ? t(`keys.scope.${scope}`) : scope)).join(' · ')
  return (
    <li className={`${classes.card} ${classes.panel}`}>
      <Group justify="space-between" align="flex-start" gap="sm">
        <div className={classes.intro}>
          <Group gap="sm">
            <Title order={3} fz="md" className={classes.name}>
              {item.name}
            </Title>
            <Badge variant={item.state === 'stopped' ? 'filled' : 'light'} color={colours[item.state]} miw="max-content">
              {t(`keys.state.${item.state}`)}
            </Badge>
          </Group>
          <Text size="sm" c="dimmed" mt={4}>
            <Code>{item.prefix}…</Code> {item.machineName && `${t('keys.of', { name: item.machineName })} `}
          </Text>
        </div>
        {item.state !== 'revoked' && (
          <Group gap="xs">
            <Button size="xs" variant="default" aria-label={t('keys.renameTitle', { name: item.name })} onClick={() => onDo('rename')}>
              {t('keys.rename')}
            </Button>
            {item.state !== 'stopped' && (
              <Button size="xs" variant="default" aria-label={t('keys.rotateTitle', { name: item.name })} onClick={() => onDo('rotate')}>
                {t('access.rotate')}
              </Button>
            )}
            <Button size="xs" variant="default" aria-label={t('keys.revokeTitle', { name: item.name })} onClick={() => onDo('revoke')}>
              {t('keys.revoke')}
            </Button>
          </Group>
        )}
      </Group>
      <Text size="sm" mt="sm">
        {scopes(item.scopes)}
      </Text>
      {item.state === 'stopped' && (
        <Text size="sm" mt={4} fw={550}>
          {t('keys.stopped')}
        </Text>
      )}
      {item.asleep.length > 0 && (
        <Text size="sm" mt={4} fw={550}>
          {t('keys.asleep', { scopes: scopes(item.asleep) })}
        </Text>
      )}
      <Text className={classes.detail} mt={6}>
        {[
          item.creatorName
            ? t('access.created', { name: item.creatorName, when: dateTime(item.createdAt) })
            : t('access.createdBy', { when: dateTime(item.createdAt) }),
          `${t('access.expires')}: ${dateTime(item.expiresAt)}`,
          `${t('access.used')}: ${item.lastUsedAt ? ago(item.lastUsedAt) : t('access.never')}${item.lastUsedFrom ? ` ${t('access.from', { address: item.lastUsedFrom })}` : ''}`,
          item.oldSecretUntil && t('keys.oldUntil', { when: dateTime(item.oldSecretUntil) }),
        ]
          .filter(Boolean)
          .join(' · ')}
      </Text>
    </li>
  )
}
