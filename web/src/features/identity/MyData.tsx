import { Button, Skeleton, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconDownload } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import { dateTime } from '@/lib/format'
import { consentsQuery, useSaveMyData } from './person'

/** Everything that is stored about oneself, as a file. */
export function MyData() {
  const { t } = useTranslation()
  const save = useSaveMyData()
  return (
    <Button variant="default" leftSection={<IconDownload size={16} />} loading={save.isPending} onClick={() => save.mutate(undefined, { onError: notifyError })}>
      {t('profile.download')}
    </Button>
  )
}

/** What one agreed to, and when. */
export function Consents() {
  const { t } = useTranslation()
  const list = useQuery(consentsQuery())
  if (list.error && !list.data) return <Failure error={list.error} onRetry={() => void list.refetch()} />
  if (!list.data) return <Skeleton h={80} radius="md" />
  if (list.data.items.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t('profile.noConsents')}
      </Text>
    )
  }
  return (
    <Table horizontalSpacing="xs">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('profile.document')}</Table.Th>
          <Table.Th>{t('profile.version')}</Table.Th>
          <Table.Th>{t('profile.agreed')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {list.data.items.map(({ document, version, at }) => (
          <Table.Tr key={`${document} ${version} ${at}`}>
            <Table.Td fw={550}>{document === 'terms' || document === 'privacy' ? t(`profile.documents.${document}`) : document}</Table.Td>
            <Table.Td>{version}</Table.Td>
            <Table.Td>{dateTime(at)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
