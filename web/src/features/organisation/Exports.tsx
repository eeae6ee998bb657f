import { Button, Group, Skeleton, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconArchive } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { ExportTable } from '@/components/ExportTable'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import { exportsQuery, saveExport, useRequestExport } from './api'

/** The organisation's data as archives. */
export function Exports() {
  const { t } = useTranslation()
  const list = useQuery(exportsQuery())
  const request = useRequestExport()
  return (
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
      {list.data && list.data.items.length > 0 && <ExportTable items={list.data.items} mine={(item) => !item.operator} onSave={saveExport} />}
    </section>
  )
}
