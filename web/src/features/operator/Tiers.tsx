import { Badge, Button, Group, Skeleton, Table, Text, UnstyledButton, VisuallyHidden } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconPlus, IconStack3 } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import type { Tier } from '@/lib/api/types'
import { amount, limitNames } from '@/lib/limits'
import { money } from '@/lib/money'
import classes from './Operator.module.css'
import { TierDialog } from './TierDialog'
import { tiersQuery } from './tenants'
import { useTiers } from './tiers'

/** What organisations are sold: operators edit it here, and organisations feel it within seconds. */
export function Tiers() {
  const { t } = useTranslation()
  const list = useQuery(tiersQuery())
  const [editing, setEditing] = useState<{ name?: string }>()
  const [removing, setRemoving] = useState<Tier>()
  const { remove } = useTiers()
  if (list.error && !list.data) return <Failure error={list.error} onRetry={() => void list.refetch()} />
  if (!list.data) return <Skeleton h={320} radius="lg" />
  const { items } = list.data
  const last = Math.max(0, ...items.map(({ position }) => position))
  return (
    <>
      <Group justify="space-between" mb="md">
        <Text size="sm" c="dimmed" maw={560}>
          {t('tiers.text')}
        </Text>
        <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing({})}>
          {t('tiers.new')}
        </Button>
      </Group>
      {items.length === 0 ? (
        <Empty icon={<IconStack3 size={26} />} title={t('tiers.none')} text={t('tiers.noneText')} />
      ) : (
        <TierTable tiers={items} onEdit={(name) => setEditing({ name })} onRemove={setRemoving} />
      )}
      {editing && <TierDialog name={editing.name} position={last + 1} onClose={() => setEditing(undefined)} />}
      <ConfirmDialog
        opened={removing !== undefined}
        title={t('tiers.removeTitle', { title: removing?.title })}
        text={t('tiers.removeText')}
        confirm={t('tiers.remove')}
        busy={remove.isPending}
        onClose={() => setRemoving(undefined)}
        onConfirm={() => removing && remove.mutate(removing.name, { onSettled: () => setRemoving(undefined), onError: notifyError })}
      />
    </>
  )
}

interface TableProps {
  tiers: Tier[]
  onEdit: (name: string) => void
  onRemove: (tier: Tier) => void
}

function TierTable({ tiers, onEdit, onRemove }: TableProps) {
  const { t } = useTranslation()
  return (
    <div className={classes.card}>
      <Table.ScrollContainer minWidth={860} type="native">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('tenants.tier')}</Table.Th>
              <Table.Th ta="right">{t('tiers.month')}</Table.Th>
              <Table.Th>{t('tenants.placementTitle')}</Table.Th>
              <Table.Th>{t('tiers.limits')}</Table.Th>
              <Table.Th>{t('tiers.offered')}</Table.Th>
              <Table.Th>
                <VisuallyHidden>{t('sessions.actions')}</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {tiers.map((tier) => (
              <Table.Tr key={tier.name}>
                <Table.Td>
                  <UnstyledButton fw={550} fz="sm" className={classes.open} onClick={() => onEdit(tier.name)}>
                    {tier.title}
                  </UnstyledButton>
                  <div className={classes.sub}>{tier.name}</div>
                </Table.Td>
                <Table.Td ta="right" className={classes.number}>
                  {tier.price > 0 ? money(tier.price, tier.currency) : t('register.free')}
                </Table.Td>
                <Table.Td>{t(`tenants.placement.${tier.placement}`)}</Table.Td>
                <Table.Td className={classes.sub} maw={340}>
                  <LimitsOf tier={tier} />
                </Table.Td>
                <Table.Td>
                  <Badge miw="max-content" variant="light" color={tier.public ? 'green' : 'gray'}>
                    {t(tier.public ? 'tiers.public' : 'tiers.hidden')}
                  </Badge>
                </Table.Td>
                <Table.Td ta="right">
                  <Group gap="xs" wrap="nowrap" justify="flex-end">
                    <Button size="xs" variant="default" aria-label={t('tiers.editOf', { title: tier.title })} onClick={() => onEdit(tier.name)}>
                      {t('tiers.edit')}
                    </Button>
                    <Button size="xs" variant="default" aria-label={t('tiers.removeTitle', { title: tier.title })} onClick={() => onRemove(tier)}>
                      {t('tiers.remove')}
                    </Button>
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  )
}

function LimitsOf({ tier }: { tier: Tier }) {
  const { t } = useTranslation()
  const bounded = limitNames.flatMap((name) => {
    const most = tier.limits[name]
    return most === undefined ? [] : [`${t(`organisation.limit.${name}`)} ${amount(name, most)}`]
  })
  return bounded.length > 0 ? bounded.join(' · ') : t('tiers.unbounded')
}
