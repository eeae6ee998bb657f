import { Button, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconDownload } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { DataList, type Column } from '@/components/list/DataList'
import { whole } from '@/components/list/useList'
import { notifyError } from '@/components/notify'
import type { Consent } from '@/lib/api/types'
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
  const all = useQuery(consentsQuery())
  return (
    <DataList
      list={whole(all, all.data?.items)}
      label={t('profile.consents')}
      columns={columns(t)}
      rowKey={({ document, version, at }) => `${document} ${version} ${at}`}
      empty={
        <Text size="sm" c="dimmed">
          {t('profile.noConsents')}
        </Text>
      }
    />
  )
}

function columns(t: TFunction): Column<Consent>[] {
  return [
    { title: t('profile.document'), cell: ({ document }) => (document === 'terms' || document === 'privacy' ? t(`profile.documents.${document}`) : document) },
    { title: t('profile.version'), cell: ({ version }) => version },
    { title: t('profile.agreed'), kind: 'short', cell: ({ at }) => dateTime(at) },
  ]
}
