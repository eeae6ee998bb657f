import { Alert, Button, Group, Skeleton, Text, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { IconEye, IconHistory } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { auditColumns } from '@/components/audit/auditColumns'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { DataList } from '@/components/list/DataList'
import { useList } from '@/components/list/useList'
import { notifyError } from '@/components/notify'
import { ReasonDialog } from '@/components/ReasonDialog'
import type { Tenant } from '@/lib/api/types'
import { clock, dateTime } from '@/lib/format'
import { useNow } from '@/lib/useNow'
import classes from './Operator.module.css'
import { entryQuery, readTenantAudit, useEnter } from './tenants'

/** Says that the operator is inside and for how long, at the top of the page, until they leave or the hour is over. */
export function InsideBanner({ tenant }: { tenant: Tenant }) {
  const { data } = useQuery(entryQuery(tenant.id))
  return data?.until ? <Banner tenant={tenant} until={data.until} /> : null
}

function Banner({ tenant, until }: { tenant: Tenant; until: string }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const { leave } = useEnter(tenant.id)
  const left = Date.parse(until) - useNow()
  const over = left <= 0
  useEffect(() => {
    if (over) void client.invalidateQueries({ queryKey: entryQuery(tenant.id).queryKey })
  }, [over, client, tenant.id])
  return (
    <Alert color="yellow" variant="light" mb="md" icon={<IconEye size={18} />} title={t('inside.banner', { title: tenant.title })}>
      <Group justify="space-between" gap="sm">
        <Text size="sm">
          {t('inside.until', { when: dateTime(until) })} <span className={classes.number}>{t('inside.left', { time: clock(left) })}</span>
        </Text>
        <Button size="xs" variant="default" loading={leave.isPending} onClick={() => leave.mutate(undefined, { onError: notifyError })}>
          {t('inside.leave')}
        </Button>
      </Group>
    </Alert>
  )
}

/** An organisation's audit log, which operators see only with a reason that the log itself shows, and only for an hour. */
export function Inside({ tenant }: { tenant: Tenant }) {
  const { t } = useTranslation()
  const entry = useQuery(entryQuery(tenant.id))
  const [asking, setAsking] = useState(false)
  const { enter } = useEnter(tenant.id)
  return (
    <section className={classes.block}>
      <Group justify="space-between" mb="sm">
        <div>
          <Title order={2} fz="lg">
            {t('organisation.audit')}
          </Title>
          <Text size="sm" c="dimmed">
            {t('inside.text')}
          </Text>
        </div>
        {entry.data && !entry.data.until && (
          <Button variant="default" leftSection={<IconEye size={16} />} onClick={() => setAsking(true)}>
            {t('inside.enter')}
          </Button>
        )}
      </Group>
      {entry.error && !entry.data && <Failure error={entry.error} onRetry={() => void entry.refetch()} />}
      {entry.isPending && <Skeleton h={72} radius="lg" />}
      {entry.data?.until && <Entries id={tenant.id} />}
      {asking && (
        <ReasonDialog
          title={t('inside.enterTitle', { title: tenant.title })}
          text={t('inside.means')}
          confirm={t('inside.enter')}
          busy={enter.isPending}
          error={enter.error}
          onConfirm={(reason) => enter.mutate(reason, { onSuccess: () => setAsking(false) })}
          onClose={() => setAsking(false)}
        />
      )}
    </section>
  )
}

function Entries({ id }: { id: string }) {
  const { t } = useTranslation()
  const list = useList({ key: ['operator', 'audit', id], read: (cursor, signal) => readTenantAudit(id, cursor, signal) })
  return (
    <DataList
      list={list}
      label={t('organisation.audit')}
      columns={auditColumns(t)}
      rowKey={({ id: entry }) => entry}
      empty={<Empty icon={<IconHistory size={26} />} title={t('organisation.noAudit')} text={t('inside.noAuditText')} />}
    />
  )
}
