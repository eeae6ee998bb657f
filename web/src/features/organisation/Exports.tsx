import { Alert, Badge, Button, Group, Skeleton, Stack, Table, Text, Title, VisuallyHidden } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { IconArchive, IconDownload } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import type { Export } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import { exportsQuery, saveExport, useRequestExport } from './api'
import classes from './Organisation.module.css'

/** The organisation's data as archives, and how it ends. */
export function Exports() {
  const { t } = useTranslation()
  const list = useQuery(exportsQuery())
  const request = useRequestExport()
  return (
    <Stack gap="xl">
      <section>
        <Group justify="space-between" mb="md">
          <div>
            <Title order={2} fz="lg">
              {t('organisation.exports')}
            </Title>
            <Text size="sm" c="dimmed">
              {t('organisation.exportsText')}
            </Text>
          </div>
          <Button leftSection={<IconArchive size={16} />} loading={request.isPending} onClick={() => request.mutate(undefined, { onError: notifyError })}>
            {t('organisation.export')}
          </Button>
        </Group>
        {list.error && !list.data && <Failure error={list.error} onRetry={() => void list.refetch()} />}
        {list.isPending && <Skeleton h={140} radius="lg" />}
        {list.data?.items.length === 0 && (
          <Empty icon={<IconArchive size={26} />} title={t('organisation.noExports')} text={t('organisation.noExportsText')} />
        )}
        {list.data && list.data.items.length > 0 && <ExportTable items={list.data.items} />}
      </section>
      <section>
        <Title order={2} fz="lg" mb="sm">
          {t('organisation.danger')}
        </Title>
        <Alert color="red" variant="light" title={t('organisation.offboard')}>
          {t('organisation.offboardText')}
        </Alert>
      </section>
    </Stack>
  )
}

const colours: Record<Export['state'], string> = { pending: 'yellow', ready: 'green', failed: 'red' }
const megabytes = new Intl.NumberFormat(undefined, { style: 'unit', unit: 'megabyte', maximumFractionDigits: 2 })

function ExportTable({ items }: { items: Export[] }) {
  const { t } = useTranslation()
  const save = useMutation({ mutationFn: saveExport, onError: notifyError })
  return (
    <div className={classes.card}>
      <Table.ScrollContainer minWidth={560} type="native">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('organisation.when')}</Table.Th>
              <Table.Th>{t('operator.state')}</Table.Th>
              <Table.Th ta="right">{t('organisation.rows')}</Table.Th>
              <Table.Th ta="right">{t('organisation.size')}</Table.Th>
              <Table.Th>
                <VisuallyHidden>{t('sessions.actions')}</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((item) => (
              <Table.Tr key={item.id}>
                <Table.Td>{dateTime(item.createdAt)}</Table.Td>
                <Table.Td>
                  <Badge variant="light" color={colours[item.state]}>
                    {t(`organisation.exportState.${item.state}`)}
                  </Badge>
                  {item.error && <div className={classes.detail}>{item.error}</div>}
                </Table.Td>
                <Table.Td ta="right" className={classes.number}>
                  {item.rows || '–'}
                </Table.Td>
                <Table.Td ta="right" className={classes.number}>
                  {item.bytes ? megabytes.format(item.bytes / 1e6) : '–'}
                </Table.Td>
                <Table.Td ta="right">
                  {item.state === 'ready' && !item.operator && (
                    <Button
                      size="xs"
                      variant="default"
                      leftSection={<IconDownload size={14} />}
                      loading={save.isPending}
                      aria-label={t('organisation.downloadOf', { when: dateTime(item.createdAt) })}
                      onClick={() => save.mutate(item.id)}
                    >
                      {t('tenants.download')}
                    </Button>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  )
}
