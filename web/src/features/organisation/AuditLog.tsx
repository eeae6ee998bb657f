import { Button, Group, Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconChevronRight, IconHistory } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { AuditTable } from '@/components/AuditTable'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { auditQuery } from './api'

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
      <AuditTable entries={list.data.items} />
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
