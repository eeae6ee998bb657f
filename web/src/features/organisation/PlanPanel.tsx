import { Group, Progress, Skeleton, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Failure } from '@/components/Failure'
import type { Plan } from '@/lib/api/types'
import { amount } from '@/lib/limits'
import { planQuery } from './api'
import classes from './Organisation.module.css'

type Limit = Plan['limits'][number]

/** The usage panel shows these, with the time when they begin anew. */
const quotas: Limit['name'][] = ['dailyRequests', 'monthlyRequests']

/** What the organisation may, and how much of it is in use. */
export function PlanPanel() {
  const { t } = useTranslation()
  const plan = useQuery(planQuery())
  if (plan.error && !plan.data) return <Failure error={plan.error} onRetry={() => void plan.refetch()} />
  if (!plan.data) return <Skeleton h={220} radius="lg" />
  const metered = plan.data.limits.filter((limit) => limit.used !== undefined && !quotas.includes(limit.name))
  const others = plan.data.limits.filter((limit) => limit.used === undefined)
  return (
    <section className={`${classes.card} ${classes.panel}`}>
      <Title order={2} fz="lg" mb="md">
        {t('organisation.planOf', { title: plan.data.title })}
      </Title>
      <div className={classes.meters}>
        {metered.map((limit) => (
          <Meter key={limit.name} limit={limit} />
        ))}
      </div>
      {others.length > 0 && (
        <dl className={classes.limits}>
          {others.map((limit) => (
            <div key={limit.name}>
              <dt>{t(`organisation.limit.${limit.name}`)}</dt>
              <dd>{amount(limit.name, limit.most ?? 0)}</dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  )
}

function Meter({ limit }: { limit: Limit }) {
  const { t } = useTranslation()
  const used = limit.used ?? 0
  const name = t(`organisation.limit.${limit.name}`)
  const share = limit.most ? (100 * used) / limit.most : 0
  return (
    <div>
      <Group justify="space-between" mb={6}>
        <Text size="sm" fw={550}>
          {name}
        </Text>
        <Text size="sm" className={classes.number}>
          {limit.most === undefined
            ? amount(limit.name, used)
            : t('organisation.of', { used: amount(limit.name, used), most: amount(limit.name, limit.most) })}
        </Text>
      </Group>
      <Progress value={Math.min(100, share)} color={share >= 100 ? 'red' : share >= 80 ? 'orange' : undefined} aria-label={name} />
    </div>
  )
}
