import '@mantine/core/styles/Table.layer.css'
import { Alert, Button, Group, Skeleton, Stack, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconArrowsExchange } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { Failure } from '@/components/Failure'
import { messageOf } from '@/lib/api/problem'
import type { Plan, Tier } from '@/lib/api/types'
import { isOver } from '@/lib/api/workflow'
import { amount, type LimitName } from '@/lib/limits'
import { money } from '@/lib/money'
import { changesQuery, planQuery, tiersQuery, useOwnChanges } from './api'
import classes from './Organisation.module.css'
import { OwnWorkflow } from './OwnWorkflow'
import { choices, differences } from './plans'

/** Another plan, chosen by the owner among those that are offered. */
export function PlanChange() {
  const { t } = useTranslation()
  const plan = useQuery(planQuery())
  const tiers = useQuery(tiersQuery())
  const changes = useQuery({ ...changesQuery(), retry: false })
  const [wanted, setWanted] = useState<Tier>()
  const failed = [tiers, changes].find(({ error, data }) => error && !data)
  if (failed) return <Failure error={failed.error} onRetry={() => void failed.refetch()} />
  if (!plan.data || !tiers.data || !changes.data) return <Skeleton h={180} mt="xl" radius="lg" />
  const offered = choices(plan.data, tiers.data.items)
  const latest = changes.data.items.find(({ kind }) => kind === 'tenant.tier')
  const busy = changes.data.items.some((item) => !isOver(item))
  return (
    <section className={classes.below}>
      <Title order={2} fz="lg" mb="sm">
        {t('plan.others')}
      </Title>
      {latest && <OwnWorkflow key={latest.id} workflow={latest} />}
      {offered.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('plan.none')}
        </Text>
      )}
      <div className={classes.plans}>
        {offered.map((tier) => (
          <div key={tier.name} className={`${classes.card} ${classes.plan}`}>
            <div>
              <Text fw={600}>{tier.title}</Text>
              <Text size="sm">{price(tier.price, tier.currency) ?? t('register.free')}</Text>
              {tier.summary && (
                <Text size="sm" c="dimmed" mt={4}>
                  {tier.summary}
                </Text>
              )}
            </div>
            <Button
              variant="default"
              leftSection={<IconArrowsExchange size={16} />}
              disabled={busy}
              aria-label={t('plan.chooseOf', { title: tier.title })}
              onClick={() => setWanted(tier)}
            >
              {t('plan.choose')}
            </Button>
          </div>
        ))}
      </div>
      {wanted && <Choose plan={plan.data} tier={wanted} onClose={() => setWanted(undefined)} />}
    </section>
  )

  function price(value: number, currency: string): string | undefined {
    return value > 0 ? t('register.price', { price: money(value, currency) }) : undefined
  }
}

/** Says what changes, before it does. */
function Choose({ plan, tier, onClose }: { plan: Plan; tier: Tier; onClose: () => void }) {
  const { t } = useTranslation()
  const { tier: change } = useOwnChanges()
  const limits = differences(plan, tier)
  const over = limits.filter((limit) => limit.over)
  const shown = (name: LimitName, value: number | undefined) => (value === undefined ? t('tiers.unbounded') : amount(name, value))
  const cost = (value: number, currency: string) => (value > 0 ? money(value, currency) : t('register.free'))
  return (
    <Dialog opened onClose={onClose} size="lg" title={t('plan.title', { from: plan.title, to: tier.title })}>
      <Stack gap="md">
        <Text size="sm">{t(tier.placement === 'silo' ? 'plan.meansSilo' : 'plan.means')}</Text>
        <Table.ScrollContainer minWidth={380} type="native">
          <Table highlightOnHover={false}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('plan.what')}</Table.Th>
                <Table.Th ta="right">{plan.title}</Table.Th>
                <Table.Th ta="right">{tier.title}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              <Table.Tr>
                <Table.Td>{t('tiers.month')}</Table.Td>
                <Table.Td ta="right" className={classes.number}>
                  {cost(plan.price, plan.currency)}
                </Table.Td>
                <Table.Td ta="right" fw={600} className={classes.number}>
                  {cost(tier.price, tier.currency)}
                </Table.Td>
              </Table.Tr>
              {limits.map(({ name, before, after }) => (
                <Table.Tr key={name}>
                  <Table.Td>{t(`organisation.limit.${name}`)}</Table.Td>
                  <Table.Td ta="right" className={classes.number}>
                    {shown(name, before)}
                  </Table.Td>
                  <Table.Td ta="right" fw={600} className={classes.number}>
                    {shown(name, after)}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
        {over.length > 0 && (
          <Alert color="yellow" variant="light">
            {t('plan.over', { limits: over.map(({ name }) => t(`organisation.limit.${name}`)).join(', ') })}
          </Alert>
        )}
        {change.error && (
          <Alert color="red" variant="light" role="alert">
            {messageOf(change.error)}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" data-autofocus onClick={onClose}>
            {t('actions.cancel')}
          </Button>
          <Button loading={change.isPending} onClick={() => change.mutate(tier.name, { onSuccess: onClose })}>
            {t('plan.confirm', { title: tier.title })}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  )
}
