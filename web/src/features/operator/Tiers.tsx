import { Badge, Button, UnstyledButton } from '@mantine/core'
import { IconPlus, IconStack3 } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Empty } from '@/components/Empty'
import { DataList, type Column } from '@/components/list/DataList'
import { useList } from '@/components/list/useList'
import { notifyError } from '@/components/notify'
import type { SortOf, Tier } from '@/lib/api/types'
import { amount, limitNames } from '@/lib/limits'
import { money } from '@/lib/money'
import classes from './Operator.module.css'
import { TierDialog } from './TierDialog'
import { readTiers } from './tenants'
import { useTiers } from './tiers'

/** What organisations are sold: operators edit it here, and organisations feel it within seconds. */
export function Tiers() {
  const { t } = useTranslation()
  const [sort, setSort] = useState<SortOf<'/v1/operator/tiers'>>('position')
  const list = useList({ key: ['operator', 'tiers', sort], read: (cursor, signal) => readTiers(sort, cursor, signal) })
  const [editing, setEditing] = useState<{ name?: string }>()
  const [removing, setRemoving] = useState<Tier>()
  const { remove } = useTiers()
  const last = Math.max(0, ...(list.items ?? []).map(({ position }) => position))
  return (
    <>
      <DataList
        list={list}
        label={t('tiers.tab')}
        title={t('tiers.tab')}
        text={t('tiers.text')}
        action={
          <Button leftSection={<IconPlus size={16} />} disabled={!list.items} onClick={() => setEditing({})}>
            {t('tiers.new')}
          </Button>
        }
        columns={columns(t, setEditing, setRemoving)}
        rowKey={({ name }) => name}
        sort={sort}
        onSort={setSort}
        empty={<Empty icon={<IconStack3 size={26} />} title={t('tiers.none')} text={t('tiers.noneText')} />}
      />
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

function columns(t: TFunction, onEdit: (tier: { name: string }) => void, onRemove: (tier: Tier) => void): Column<Tier>[] {
  return [
    {
      title: t('tenants.tier'),
      sort: 'name',
      cell: ({ name, title }) => (
        <>
          <UnstyledButton fw={550} fz="sm" className={classes.open} onClick={() => onEdit({ name })}>
            {title}
          </UnstyledButton>
          <div className={classes.sub}>{name}</div>
        </>
      ),
    },
    { title: t('tiers.month'), kind: 'number', sort: 'price', cell: ({ price, currency }) => (price > 0 ? money(price, currency) : t('register.free')) },
    { title: t('tenants.placementTitle'), cell: ({ placement }) => t(`tenants.placement.${placement}`) },
    { title: t('tiers.limits'), cell: (tier) => <LimitsOf tier={tier} /> },
    {
      title: t('tiers.offered'),
      cell: ({ public: offered }) => (
        <Badge miw="max-content" variant="light" color={offered ? 'green' : 'gray'}>
          {t(offered ? 'tiers.public' : 'tiers.hidden')}
        </Badge>
      ),
    },
    {
      title: t('list.actions'),
      kind: 'actions',
      cell: (tier) => (
        <>
          <Button size="xs" variant="default" aria-label={t('tiers.editOf', { title: tier.title })} onClick={() => onEdit(tier)}>
            {t('tiers.edit')}
          </Button>
          <Button size="xs" variant="default" aria-label={t('tiers.removeTitle', { title: tier.title })} onClick={() => onRemove(tier)}>
            {t('tiers.remove')}
          </Button>
        </>
      ),
    },
  ]
}

/** As many limits stand in the list; all are in the tier's own dialog. */
const told = 4

function LimitsOf({ tier }: { tier: Tier }) {
  const { t } = useTranslation()
  const bounded = limitNames.flatMap((name) => {
    const most = tier.limits[name]
    return most === undefined ? [] : [`${t(`organisation.limit.${name}`)} ${amount(name, most)}`]
  })
  const rest = bounded.length - told
  return (
    <div className={classes.sub} title={bounded.join('\n')}>
      {bounded.length > 0 ? bounded.slice(0, told).join(' · ') : t('tiers.unbounded')}
      {rest > 0 && ` ${t('tiers.more', { count: rest })}`}
    </div>
  )
}
