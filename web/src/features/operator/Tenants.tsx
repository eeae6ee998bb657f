import { Badge, VisuallyHidden } from '@mantine/core'
import { IconBuilding } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { ButtonLink, TextLink } from '@/components/links'
import { Choice } from '@/components/list/Choice'
import { DataList, type Column } from '@/components/list/DataList'
import { SearchField } from '@/components/list/SearchField'
import { useList } from '@/components/list/useList'
import type { SortOf, Tenant } from '@/lib/api/types'
import classes from './Operator.module.css'
import { readTenants, statuses, type TenantFilter } from './tenants'
import { Day } from '@/components/Day'

const colours: Record<Tenant['status'], string> = {
  provisioning: 'yellow',
  active: 'green',
  suspended: 'yellow',
  offboarding: 'red',
  purged: 'gray',
}

export function TenantStatus({ status }: { status: Tenant['status'] }) {
  const { t } = useTranslation()
  return (
    <Badge miw="max-content" variant="light" color={colours[status]}>
      {t(`tenants.status.${status}`)}
    </Badge>
  )
}

interface Props {
  filter: TenantFilter
  onFilter: (filter: TenantFilter) => void
}

/** Every organisation of the installation, found by name, status and place. */
export function Tenants({ filter, onFilter }: Props) {
  const { t } = useTranslation()
  const [sort, setSort] = useState<SortOf<'/v1/operator/tenants'>>('-created')
  const { q, status, placement } = filter
  const list = useList({
    key: ['operator', 'tenants', q, status, placement, sort],
    read: (cursor, signal) => readTenants({ q, status, placement, sort, cursor }, signal),
  })
  return (
    <DataList
      list={list}
      label={t('tenants.title')}
      title={t('tenants.title')}
      columns={columns(t)}
      rowKey={({ id }) => id}
      sort={sort}
      onSort={setSort}
      filters={
        <>
          <SearchField label={t('tenants.search')} value={q} onChange={(next) => onFilter({ ...filter, q: next })} />
          <Choice
            label={t('tenants.byPlacement')}
            any={t('tenants.anyPlacement')}
            values={(['pool', 'silo'] as const).map((value) => ({ value, label: t(`tenants.placement.${value}`) }))}
            value={placement}
            onChange={(next) => onFilter({ ...filter, placement: next })}
          />
          <Choice
            label={t('tenants.byStatus')}
            any={t('tenants.anyStatus')}
            values={statuses.map((value) => ({ value, label: t(`tenants.status.${value}`) }))}
            value={status}
            onChange={(next) => onFilter({ ...filter, status: next })}
          />
        </>
      }
      onClear={(q ?? status ?? placement) ? () => onFilter({}) : undefined}
      empty={
        <Empty icon={<IconBuilding size={26} />} title={t('tenants.none')} text={t('tenants.noneText')}>
          <ButtonLink to="/register">{t('tenants.register')}</ButtonLink>
        </Empty>
      }
    />
  )
}

function columns(t: TFunction): Column<Tenant>[] {
  return [
    {
      title: t('tenants.organisation'),
      sort: 'name',
      cell: ({ id, title, name }) => (
        <>
          <TextLink to="/operator/tenants/$id" params={{ id }} fw={550} size="sm">
            {title}
          </TextLink>
          <div className={classes.sub}>{name}</div>
        </>
      ),
    },
    {
      title: t('tenants.statusTitle'),
      cell: ({ status, workflow }) => (
        <>
          <TenantStatus status={status} />
          {workflow && <VisuallyHidden>{t('tenants.changing')}</VisuallyHidden>}
        </>
      ),
    },
    { title: t('tenants.tier'), cell: ({ tier }) => tier },
    { title: t('tenants.placementTitle'), cell: ({ placement }) => t(`tenants.placement.${placement}`) },
    { title: t('tenants.schema'), kind: 'number', cell: ({ schemaVersion }) => schemaVersion || '–' },
    { title: t('tenants.members'), kind: 'number', cell: ({ members }) => members },
    { title: t('tenants.running'), kind: 'number', cell: ({ sessions }) => sessions },
    { title: t('tenants.since'), kind: 'short', sort: 'created', cell: ({ createdAt }) => <Day at={createdAt} /> },
  ]
}
