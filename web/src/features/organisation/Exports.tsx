import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconArchive } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { ExportList } from '@/components/ExportList'
import { whole } from '@/components/list/useList'
import { notifyError } from '@/components/notify'
import { exportsQuery, saveExport, useRequestExport } from './api'

/** The organisation's data as archives. */
export function Exports() {
  const { t } = useTranslation()
  const all = useQuery(exportsQuery())
  const request = useRequestExport()
  return (
    <ExportList
      list={whole(all, all.data?.items)}
      text={t('organisation.exportsText')}
      action={
        <Button leftSection={<IconArchive size={16} />} loading={request.isPending} onClick={() => request.mutate(undefined, { onError: notifyError })}>
          {t('organisation.export')}
        </Button>
      }
      mine={(item) => !item.operator}
      onSave={saveExport}
      empty={<Empty icon={<IconArchive size={26} />} title={t('organisation.noExports')} text={t('organisation.noExportsText')} />}
    />
  )
}
