import '@mantine/core/styles/Menu.layer.css'
import '@mantine/core/styles/Popover.layer.css'
import '@mantine/core/styles/Checkbox.layer.css'
import { Badge, Button, Checkbox, Code, Group, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconKey, IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { ListFrame } from '@/components/list/ListFrame'
import { few, named } from '@/components/list/named'
import { SearchField } from '@/components/list/SearchField'
import { useInAddress } from '@/components/list/useInAddress'
import { whole } from '@/components/list/useList'
import { NameDialog } from '@/components/NameDialog'
import { SecretDialog } from '@/components/SecretDialog'
import type { ApiKey } from '@/lib/api/types'
import { ago, dateTime } from '@/lib/format'
import classes from '../Organisation.module.css'
import { curlOf, isScope, keysQuery, useKeys } from './api'
import { KeyForm } from './KeyForm'
import { RenameKey } from './RenameKey'
import { RotateKey } from './RotateKey'

const most = 50

type Open = { what: 'add' } | { what: 'rename' | 'rotate' | 'revoke'; key: ApiKey } | { what: 'secret'; title: string; secret: string; scopes: string[] }

/** The organisation's API keys. */
export function ApiKeys() {
  const { t } = useTranslation()
  const all = useQuery(keysQuery())
  const [open, setOpen] = useState<Open>()
  const [q, setQ] = useInAddress('q')
  const [revoked, setRevoked] = useState(false)
  const { revoke } = useKeys()
  const close = () => {
    revoke.reset()
    setOpen(undefined)
  }
  const keys = all.data?.items ?? []
  const living = keys.filter(({ state }) => state !== 'revoked')
  const full = living.length >= most
  const shown = named(revoked ? keys : living, q)
  const add = (
    <Button leftSection={<IconPlus size={16} />} disabled={full || !all.data} onClick={() => setOpen({ what: 'add' })}>
      {t('keys.add')}
    </Button>
  )
  return (
    <>
      <ListFrame
        list={whole(all, all.data && shown)}
        label={t('keys.title')}
        title={t('keys.title')}
        text={t('keys.text')}
        action={keys.length > 0 && add}
        keepFilters={living.length < keys.length}
        filters={
          <>
            {keys.length > few && <SearchField label={t('list.byName')} value={q} onChange={setQ} />}
            {living.length < keys.length && (
              <Checkbox label={t('keys.showRevoked')} checked={revoked} onChange={({ currentTarget: { checked } }) => setRevoked(checked)} />
            )}
          </>
        }
        onClear={q === undefined ? undefined : () => setQ(undefined)}
        note={
          full && (
            <Text size="sm" c="dimmed" mb="md">
              {t('keys.full')}
            </Text>
          )
        }
        empty={
          <Empty icon={<IconKey size={26} />} title={t('keys.none')} text={t('keys.noneText')}>
            {add}
          </Empty>
        }
      >
        {(items) => (
          <ul className={classes.cards}>
            {items.map((key) => (
              <KeyCard key={key.id} item={key} onDo={(what) => setOpen({ what, key })} />
            ))}
          </ul>
        )}
      </ListFrame>
      {open?.what === 'add' && (
        <KeyForm
          grantable={all.data?.grantable ?? []}
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
