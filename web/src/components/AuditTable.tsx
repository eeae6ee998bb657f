import { Table } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { AuditEntry } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import classes from './Card.module.css'

/** Entries of an organisation's audit log. */
export function AuditTable({ entries }: { entries: AuditEntry[] }) {
  const { t } = useTranslation()
  return (
    <div className={classes.card}>
      <Table.ScrollContainer minWidth={820} type="native">
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
            {entries.map((entry) => (
              <Table.Tr key={entry.id}>
                <Table.Td className={classes.number}>{dateTime(entry.at)}</Table.Td>
                <Table.Td>{entry.actorName ?? (entry.actor ? t('organisation.gone') : t('organisation.program'))}</Table.Td>
                <Table.Td fw={550}>{entry.action}</Table.Td>
                <Table.Td className={classes.detail} miw={280}>{detail(entry)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  )
}

function detail(entry: AuditEntry): string {
  const parts = Object.entries(entry.detail as Record<string, unknown>)
    .filter(([name]) => name !== 'hash') // of the content: nobody reads it here
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return [entry.target, ...parts].filter(Boolean).join(' · ')
}
