import { Badge, Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { IconDownload } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { DataList, type Column } from '@/components/list/DataList'
import type { FrameProps } from '@/components/list/ListFrame'
import type { Export } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import classes from './Card.module.css'
import { notifyError } from './notify'

const colours: Record<Export['state'], string> = { pending: 'yellow', ready: 'green', failed: 'red' }
const megabytes = new Intl.NumberFormat(undefined, { style: 'unit', unit: 'megabyte', maximumFractionDigits: 2 })

interface Props extends Omit<FrameProps<Export>, 'label'> {
  /** Owners take out what owners asked for, operators what operators asked for. */
  mine: (item: Export) => boolean
  onSave: (id: string) => Promise<void>
}

/** Archives of an organisation's data. */
export function ExportList({ mine, onSave, ...frame }: Props) {
  const { t } = useTranslation()
  return (
    <DataList
      {...frame}
      label={t('organisation.exports')}
      title={t('organisation.exports')}
      columns={columns(t, (item) => item.state === 'ready' && mine(item) && <Save item={item} onSave={onSave} />)}
      rowKey={({ id }) => id}
    />
  )
}

function columns(t: TFunction, actions: Column<Export>['cell']): Column<Export>[] {
  return [
    { title: t('organisation.when'), kind: 'short', cell: ({ createdAt }) => dateTime(createdAt) },
    {
      title: t('operator.state'),
      cell: ({ state, error }) => (
        <>
          <Badge miw="max-content" variant="light" color={colours[state]}>
            {t(`organisation.exportState.${state}`)}
          </Badge>
          {error && <div className={classes.detail}>{error}</div>}
        </>
      ),
    },
    {
      title: t('organisation.askedBy'),
      cell: ({ operator, reason }) => (
        <>
          {t(operator ? 'organisation.anOperator' : 'organisation.anOwner')}
          {reason && <div className={classes.detail}>{reason}</div>}
        </>
      ),
    },
    { title: t('organisation.rows'), kind: 'number', cell: ({ rows }) => rows || '–' },
    { title: t('organisation.size'), kind: 'number', cell: ({ bytes }) => (bytes ? megabytes.format(bytes / 1e6) : '–') },
    { title: t('list.actions'), kind: 'actions', cell: actions },
  ]
}

function Save({ item, onSave }: { item: Export; onSave: (id: string) => Promise<void> }) {
  const { t } = useTranslation()
  const save = useMutation({ mutationFn: onSave, onError: notifyError })
  return (
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
  )
}
