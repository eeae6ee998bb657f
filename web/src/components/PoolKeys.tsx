import '@mantine/core/styles/Code.layer.css'
import { Badge, Button, Code } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { IconRefresh } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { DataList, type Column } from '@/components/list/DataList'
import { whole } from '@/components/list/useList'
import { notifyError } from '@/components/notify'
import type { PoolKey } from '@/lib/api/types'
import { ago, dateTime } from '@/lib/format'
import { keysQuery, usePool, type Which } from '@/lib/pools'

const colors = { next: 'yellow', signing: 'green', retired: 'gray' } as const

/** The keys that a pool signs with, how old they are, and a new one on demand. */
export function PoolKeys({ which, writes }: { which: Which; writes: boolean }) {
  const { t } = useTranslation()
  const all = useQuery(keysQuery(which))
  const [asking, setAsking] = useState(false)
  const { rotate } = usePool(which)
  const confirm = () =>
    rotate.mutate(undefined, {
      onSuccess: ({ signsAt }) => notifications.show({ color: 'green', message: t('pools.rotated', { time: dateTime(signsAt) }) }),
      onError: notifyError,
      onSettled: () => setAsking(false),
    })
  return (
    <>
      <DataList
        list={whole(all, all.data?.items)}
        label={t('pools.keys')}
        title={t('pools.keys')}
        order={3}
        text={all.data && t('pools.keysText', { day: dateTime(all.data.nextAt) })}
        action={
          writes && (
            <Button variant="default" leftSection={<IconRefresh size={16} />} onClick={() => setAsking(true)}>
              {t('pools.rotate')}
            </Button>
          )
        }
        columns={columns(t)}
        rowKey={({ id }) => id}
        empty={null}
      />
      <ConfirmDialog
        opened={asking}
        title={t('pools.rotateTitle')}
        text={t('pools.rotateText')}
        confirm={t('pools.rotate')}
        busy={rotate.isPending}
        onConfirm={confirm}
        onClose={() => setAsking(false)}
      />
    </>
  )
}

function columns(t: TFunction): Column<PoolKey>[] {
  return [
    { title: t('pools.key'), cell: ({ id }) => <Code title={id}>{id.slice(0, 10)}</Code> },
    {
      title: t('pools.use'),
      cell: ({ state }) => (
        <Badge miw="max-content" variant="light" color={colors[state]}>
          {t(`pools.state.${state}`)}
        </Badge>
      ),
    },
    {
      title: t('pools.since'),
      kind: 'short',
      cell: ({ state, signsAt }) => <span title={dateTime(signsAt)}>{state === 'next' ? dateTime(signsAt) : ago(signsAt)}</span>,
    },
    { title: t('pools.until'), kind: 'short', cell: ({ until }) => (until ? dateTime(until) : '–') },
  ]
}
