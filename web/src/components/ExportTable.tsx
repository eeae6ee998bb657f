import { Badge, Button, Table, VisuallyHidden } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { IconDownload } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import type { Export } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import classes from './Card.module.css'
import { notifyError } from './notify'

const colours: Record<Export['state'], string> = { pending: 'yellow', ready: 'green', failed: 'red' }
const megabytes = new Intl.NumberFormat(undefined, { style: 'unit', unit: 'megabyte', maximumFractionDigits: 2 })

interface Props {
  items: Export[]
  /** Owners take out what owners asked for, operators what operators asked for. */
  mine: (item: Export) => boolean
  onSave: (id: string) => Promise<void>
}

/** Archives of an organisation's data. */
export function ExportTable({ items, mine, onSave }: Props) {
  const { t } = useTranslation()
  const save = useMutation({ mutationFn: onSave, onError: notifyError })
  return (
    <div className={classes.card}>
      <Table.ScrollContainer minWidth={720} type="native">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('organisation.when')}</Table.Th>
              <Table.Th>{t('operator.state')}</Table.Th>
              <Table.Th>{t('organisation.askedBy')}</Table.Th>
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
                <Table.Td className={classes.number}>{dateTime(item.createdAt)}</Table.Td>
                <Table.Td>
                  <Badge miw="max-content" variant="light" color={colours[item.state]}>
                    {t(`organisation.exportState.${item.state}`)}
                  </Badge>
                  {item.error && <div className={classes.detail}>{item.error}</div>}
                </Table.Td>
                <Table.Td>
                  {t(item.operator ? 'organisation.anOperator' : 'organisation.anOwner')}
                  {item.reason && <div className={classes.detail}>{item.reason}</div>}
                </Table.Td>
                <Table.Td ta="right" className={classes.number}>
                  {item.rows || '–'}
                </Table.Td>
                <Table.Td ta="right" className={classes.number}>
                  {item.bytes ? megabytes.format(item.bytes / 1e6) : '–'}
                </Table.Td>
                <Table.Td ta="right">
                  {item.state === 'ready' && mine(item) && (
                    <Button
                      size="xs"
                      variant="default"
                      leftSection={<IconDownload size={14} />}
                      loading={save.isPending && save.variables === item.id}
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
