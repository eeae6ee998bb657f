import { Button, Group, Skeleton, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconArchive } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ExportTable } from '@/components/ExportTable'
import { Failure } from '@/components/Failure'
import { ReasonDialog } from '@/components/ReasonDialog'
import type { Tenant } from '@/lib/api/types'
import classes from './Operator.module.css'
import { saveExport, tenantExportsQuery, useRequestExport } from './tenants'

/** Archives of an organisation; operators take out only what operators asked for, with a reason. */
export function TenantExports({ tenant }: { tenant: Tenant }) {
  const { t } = useTranslation()
  const list = useQuery(tenantExportsQuery(tenant.id))
  const request = useRequestExport(tenant.id)
  const [asking, setAsking] = useState(false)
  return (
    <section className={classes.block}>
      <Group justify="space-between" mb="sm">
        <div>
          <Title order={2} fz="lg">
            {t('organisation.exports')}
          </Title>
          <Text size="sm" c="dimmed">
            {t('tenants.exportsText')}
          </Text>
        </div>
        {tenant.status === 'active' && (
          <Button variant="default" leftSection={<IconArchive size={16} />} onClick={() => setAsking(true)}>
            {t('organisation.export')}
          </Button>
        )}
      </Group>
      {list.error && !list.data && <Failure error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton h={120} radius="lg" />}
      {list.data?.items.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('tenants.noExports')}
        </Text>
      )}
      {list.data && list.data.items.length > 0 && (
        <ExportTable items={list.data.items} mine={(item) => item.operator} onSave={(id) => saveExport(tenant.id, id)} />
      )}
      {asking && (
        <ReasonDialog
          title={t('tenants.exportTitle', { title: tenant.title })}
          text={t('tenants.exportMeans')}
          confirm={t('organisation.export')}
          busy={request.isPending}
          error={request.error}
          onConfirm={(reason) => request.mutate(reason, { onSuccess: () => setAsking(false) })}
          onClose={() => setAsking(false)}
        />
      )}
    </section>
  )
}
