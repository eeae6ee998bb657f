import { Progress, Skeleton, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconServer } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import type { Environment } from '@/lib/api/types'
import { ago, clock, dateTime } from '@/lib/format'
import { useNow } from '@/lib/useNow'
import { environmentsQuery } from './api'
import classes from './Operator.module.css'

/** Who runs what, where, until when; and how much room is left. */
export function RunningLabs() {
  const { t } = useTranslation()
  const list = useQuery(environmentsQuery())
  if (list.error && !list.data) return <Failure error={list.error} onRetry={() => void list.refetch()} />
  if (!list.data) return <Skeleton h={220} radius="lg" />
  const { items, capacity } = list.data
  return (
    <>
      <div className={classes.capacity}>
        <div>
          <strong>{capacity.used}</strong> {t('operator.capacity', { count: capacity.total })}
        </div>
        <Progress
          value={capacity.total > 0 ? (100 * capacity.used) / capacity.total : 0}
          color={capacity.used >= capacity.total ? 'red' : undefined}
          radius="xl"
          aria-label={t('operator.capacityLabel')}
        />
      </div>
      {items.length === 0 ? (
        <Empty icon={<IconServer size={26} />} title={t('operator.nothingRuns')} text={t('operator.nothingRunsText')} />
      ) : (
        <EnvironmentTable items={items} />
      )}
    </>
  )
}

function EnvironmentTable({ items }: { items: Environment[] }) {
  const { t } = useTranslation()
  const now = useNow()
  return (
    <div className={classes.card}>
      <Table.ScrollContainer minWidth={760} type="native">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('operator.learner')}</Table.Th>
              <Table.Th>{t('operator.lab')}</Table.Th>
              <Table.Th>{t('operator.tenant')}</Table.Th>
              <Table.Th>{t('operator.host')}</Table.Th>
              <Table.Th>{t('operator.state')}</Table.Th>
              <Table.Th>{t('operator.started')}</Table.Th>
              <Table.Th>{t('operator.left')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((item) => (
              <Table.Tr key={item.id}>
                <Table.Td fw={550}>{item.learner}</Table.Td>
                <Table.Td>{item.lab}</Table.Td>
                <Table.Td>{item.tenant}</Table.Td>
                <Table.Td>{item.host}</Table.Td>
                <Table.Td>{item.state}</Table.Td>
                <Table.Td>
                  <Text component="time" size="sm" dateTime={item.createdAt} title={dateTime(item.createdAt)}>
                    {ago(item.createdAt)}
                  </Text>
                </Table.Td>
                <Table.Td className={classes.number}>{item.deadline ? clock(Date.parse(item.deadline) - now) : '–'}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  )
}
