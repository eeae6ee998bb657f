import '@mantine/core/styles/Table.layer.css'
import '@mantine/core/styles/Code.layer.css'
import { Badge, Button, Code, Group, Skeleton, Table, Text, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { IconRefresh } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import { ago, dateTime } from '@/lib/format'
import { keysQuery, usePool, type Which } from '@/lib/pools'

const colors = { next: 'yellow', signing: 'green', retired: 'gray' } as const

/** The keys that a pool signs with, how old they are, and a new one on demand. */
export function PoolKeys({ which, writes }: { which: Which; writes: boolean }) {
  const { t } = useTranslation()
  const list = useQuery(keysQuery(which))
  const [asking, setAsking] = useState(false)
  const { rotate } = usePool(which)
  if (list.error && !list.data) return <Failure error={list.error} onRetry={() => void list.refetch()} />
  if (!list.data) return <Skeleton h={160} radius="lg" />
  const confirm = () =>
    rotate.mutate(undefined, {
      onSuccess: ({ signsAt }) => notifications.show({ color: 'green', message: t('pools.rotated', { time: dateTime(signsAt) }) }),
      onError: notifyError,
      onSettled: () => setAsking(false),
    })
  return (
    <section>
      <Group justify="space-between" align="flex-start" mb="sm">
        <div style={{ flex: '1 1 240px' }}>
          <Title order={3} fz="md">
            {t('pools.keys')}
          </Title>
          <Text size="sm" c="dimmed">
            {t('pools.keysText', { day: dateTime(list.data.nextAt) })}
          </Text>
        </div>
        {writes && (
          <Button variant="default" leftSection={<IconRefresh size={16} />} onClick={() => setAsking(true)}>
            {t('pools.rotate')}
          </Button>
        )}
      </Group>
      <Table.ScrollContainer minWidth={520} type="native">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('pools.key')}</Table.Th>
              <Table.Th>{t('pools.use')}</Table.Th>
              <Table.Th>{t('pools.since')}</Table.Th>
              <Table.Th>{t('pools.until')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {list.data.items.map((key) => (
              <Table.Tr key={key.id}>
                <Table.Td>
                  <Code title={key.id}>{key.id.slice(0, 10)}</Code>
                </Table.Td>
                <Table.Td>
                  <Badge miw="max-content" variant="light" color={colors[key.state]}>
                    {t(`pools.state.${key.state}`)}
                  </Badge>
                </Table.Td>
                <Table.Td title={dateTime(key.signsAt)}>{key.state === 'next' ? dateTime(key.signsAt) : ago(key.signsAt)}</Table.Td>
                <Table.Td>{key.until ? dateTime(key.until) : '—'}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <ConfirmDialog
        opened={asking}
        title={t('pools.rotateTitle')}
        text={t('pools.rotateText')}
        confirm={t('pools.rotate')}
        busy={rotate.isPending}
        onConfirm={confirm}
        onClose={() => setAsking(false)}
      />
    </section>
  )
}
