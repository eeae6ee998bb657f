import { Skeleton, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Failure } from '@/components/Failure'
import { UsageMeters } from '@/components/UsageMeters'
import classes from './Operator.module.css'
import { usageQuery } from './tenants'

/** What an organisation's programs ask for, against its quotas. */
export function TenantUsage({ id }: { id: string }) {
  const { t } = useTranslation()
  const usage = useQuery(usageQuery(id))
  return (
    <section className={classes.block}>
      <Title order={2} fz="lg" mb="sm">
        {t('usage.title')}
      </Title>
      {usage.error && !usage.data && <Failure error={usage.error} onRetry={() => void usage.refetch()} />}
      {usage.isPending && <Skeleton h={96} radius="lg" />}
      {usage.data && (
        <div className={`${classes.card} ${classes.usage}`}>
          <UsageMeters usage={usage.data} />
        </div>
      )}
    </section>
  )
}
