import { Button, Group, Skeleton, Table } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconChevronRight, IconHistory } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import type { AuditEntry } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import { auditQuery } from './api'
import classes from './Organisation.module.css'

/** Who did what in the organisation, the newest first; operators who looked inside are here, too. */
export function AuditLog() {
  const { t } = useTranslation()
  const [cursor, setCursor] = useState<string>()
  const list = useQuery(auditQuery(cursor))
  if (list.error && !list.data) return <Failure error={list.error} onRetry={() => void list.refetch()} />
  if (!list.data) return <Skeleton h={220} radius="lg" />
  if (list.data.items.length === 0) {
    return <Empty icon={<IconHistory size={26} />} title={t('organisation.noAudit')} text={t('organisation.noAuditText')} />
  }
  return (
    <>
      <div className={classes.card}>
        <Table.ScrollContainer minWidth={640} type="native">
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('organisation.when')}</Table.Th>
                <Table.Th>{t('organisation.who')}</Table.Th>
                <Table.Th>{t('organisation.what')}</Table.Th>
                <Table.Th>{t('organisation.detail')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {list.data.items.map((entry) => (
                <Table.Tr key={entry.id}>
                  <Table.Td className={classes.number}>{dateTime(entry.at)}</Table.Td>
                  <Table.Td>{entry.actorName ?? (entry.actor ? t('organisation.gone') : t('organisation.program'))}</Table.Td>
                  <Table.Td fw={550}>{entry.action}</Table.Td>
                  <Table.Td className={classes.detail}>{detail(entry)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      </div>
      {list.data.next && (
        <Group justify="flex-end" mt="md">
          <Button size="xs" variant="default" rightSection={<IconChevronRight size={14} />} onClick={() => setCursor(list.data.next)}>
            {t('tenants.older')}
          </Button>
        </Group>
      )}
    </>
  )
}

function detail(entry: AuditEntry): string {
  const parts = Object.entries(entry.detail as Record<string, unknown>)
    .filter(([name]) => name !== 'hash') // of the content: nobody reads it here
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return [entry.target, ...parts].filter(Boolean).join(' · ')
}
