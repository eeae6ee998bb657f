import { Badge, Button } from '@mantine/core'
import { IconDatabase } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { TextLink } from '@/components/links'
import { DataList, type Column } from '@/components/list/DataList'
import { useList } from '@/components/list/useList'
import { notifyError } from '@/components/notify'
import type { Silo } from '@/lib/api/types'
import classes from './Operator.module.css'
import { readUpgrades, useRetryUpgrade } from './tenants'

const colours: Record<Silo['state'], string> = { current: 'green', waiting: 'yellow', failed: 'red' }

/** Silos with the versions of their schemas: which are up to date, which wait, which failed and why. */
export function Upgrades() {
  const { t } = useTranslation()
  const list = useList({ key: ['operator', 'upgrades'], read: readUpgrades, every: 5000 })
  return (
    <DataList
      list={list}
      label={t('upgrades.title')}
      title={t('upgrades.title')}
      text={list.items && list.items.length > 0 && t('upgrades.want', { version: list.first?.want })}
      columns={columns(t)}
      rowKey={({ tenant }) => tenant}
      empty={<Empty icon={<IconDatabase size={26} />} title={t('upgrades.none')} text={t('upgrades.noneText')} />}
    />
  )
}

function columns(t: TFunction): Column<Silo>[] {
  return [
    {
      title: t('tenants.organisation'),
      cell: ({ tenant, title, canary }) => (
        <>
          <TextLink to="/operator/tenants/$id" params={{ id: tenant }} fw={550} size="sm">
            {title}
          </TextLink>
          {canary && <div className={classes.sub}>{t('upgrades.canary')}</div>}
        </>
      ),
    },
    { title: t('tenants.schema'), kind: 'number', cell: ({ version }) => version },
    {
      title: t('operator.state'),
      cell: ({ state }) => (
        <Badge miw="max-content" variant="light" color={colours[state]}>
          {t(`upgrades.state.${state}`)}
        </Badge>
      ),
    },
    { title: t('upgrades.problem'), cell: ({ problem }) => problem ?? '–' },
    { title: t('list.actions'), kind: 'actions', cell: ({ tenant, state }) => state === 'failed' && <Retry tenant={tenant} /> },
  ]
}

function Retry({ tenant }: { tenant: string }) {
  const { t } = useTranslation()
  const retry = useRetryUpgrade()
  return (
    <Button size="xs" variant="default" loading={retry.isPending} onClick={() => retry.mutate(tenant, { onError: notifyError })}>
      {t('errors.retry')}
    </Button>
  )
}
