import { Progress, Text } from '@mantine/core'
import { IconServer } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Email } from '@/components/Email'
import { Empty } from '@/components/Empty'
import { DataList, type Column } from '@/components/list/DataList'
import { useList } from '@/components/list/useList'
import type { Environment, SessionState, SortOf } from '@/lib/api/types'
import { ago, clock, dateTime } from '@/lib/format'
import { useNow } from '@/lib/useNow'
import { readEnvironments } from './api'
import classes from './Operator.module.css'
import { TextLink } from '@/components/links'
import { StateBadge } from '@/components/StateBadge'
import { tenantQuery } from './tenants'
import { useQuery } from '@tanstack/react-query'

/** Who runs what, where, until when; and how much room is left. */
export function RunningLabs() {
  const { t } = useTranslation()
  const [sort, setSort] = useState<SortOf<'/v1/operator/environments'>>('created')
  const list = useList({
    key: ['operator', 'environments', sort],
    read: (cursor, signal) => readEnvironments(sort, cursor, signal),
    every: 5000,
  })
  return (
    <>
      <DataList
        list={list}
        label={t('operator.running')}
        title={t('operator.running')}
        above={list.first && <Capacity {...list.first.capacity} />}
        columns={columns(t)}
        rowKey={({ id }) => id}
        sort={sort}
        onSort={setSort}
        empty={<Empty icon={<IconServer size={26} />} title={t('operator.nothingRuns')} text={t('operator.nothingRunsText')} />}
      />
    </>
  )
}

function Capacity({ used, total }: { used: number; total: number }) {
  const { t } = useTranslation()
  return (
    <div className={classes.capacity}>
      <div>
        <strong>{used}</strong> {t('operator.capacity', { count: total })}
      </div>
      <Progress
        value={total > 0 ? (100 * used) / total : 0}
        color={used >= total ? 'red' : undefined}
        radius="xl"
        aria-label={t('operator.capacityLabel')}
      />
    </div>
  )
}

function columns(t: TFunction): Column<Environment>[] {
  return [
    { title: t('operator.learner'), cell: ({ learner }) => <Email>{learner}</Email> },
    { title: t('operator.lab'), sort: 'lab', cell: ({ lab }) => lab },
    { title: t('operator.tenant'), cell: ({ tenant }) => <Organisation id={tenant} /> },
    { title: t('operator.host'), cell: ({ host }) => host },
    { title: t('operator.state'), cell: ({ state }) => <StateBadge state={state as SessionState} /> },
    {
      title: t('operator.started'),
      kind: 'short',
      sort: 'created',
      cell: ({ createdAt }) => (
        <Text component="time" size="sm" dateTime={createdAt} title={dateTime(createdAt)}>
          {ago(createdAt)}
        </Text>
      ),
    },
    { title: t('operator.left'), kind: 'number', sort: 'deadline', cell: ({ deadline }) => <Left deadline={deadline} /> },
  ]
}

/** The organisation whose lab runs. Lists of environments have its id alone; each is asked for once. */
function Organisation({ id }: { id: string }) {
  const { t } = useTranslation()
  const { data } = useQuery({ ...tenantQuery(id), staleTime: 300_000 })
  return (
    <TextLink to="/operator/tenants/$id" params={{ id }} size="sm">
      {data?.title ?? t('operator.tenant')}
    </TextLink>
  )
}

function Left({ deadline }: { deadline?: string }) {
  const now = useNow()
  return deadline ? clock(Date.parse(deadline) - now) : '–'
}
