import { Button, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconArchive } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ExportList } from '@/components/ExportList'
import { whole } from '@/components/list/useList'
import { ReasonDialog } from '@/components/ReasonDialog'
import type { Tenant } from '@/lib/api/types'
import classes from './Operator.module.css'
import { saveExport, tenantExportsQuery, useRequestExport } from './tenants'

/** Archives of an organisation; operators take out only what operators asked for, with a reason. */
export function TenantExports({ tenant }: { tenant: Tenant }) {
  const { t } = useTranslation()
  const all = useQuery(tenantExportsQuery(tenant.id))
  const request = useRequestExport(tenant.id)
  const [asking, setAsking] = useState(false)
  return (
    <div className={classes.block}>
      <ExportList
        list={whole(all, all.data?.items)}
        text={t('tenants.exportsText')}
        action={
          tenant.status === 'active' && (
            <Button variant="default" leftSection={<IconArchive size={16} />} onClick={() => setAsking(true)}>
              {t('organisation.export')}
            </Button>
          )
        }
        mine={(item) => item.operator}
        onSave={(id) => saveExport(tenant.id, id)}
        empty={
          <Text size="sm" c="dimmed">
            {t('tenants.noExports')}
          </Text>
        }
      />
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
    </div>
  )
}
