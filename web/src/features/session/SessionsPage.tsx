import '@mantine/core/styles/FloatingIndicator.layer.css'
import '@mantine/core/styles/SegmentedControl.layer.css'
import { ActionIcon, Menu, SegmentedControl, Text } from '@mantine/core'
import { IconDots, IconFlask, IconPlayerPlayFilled, IconPlayerStop } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Empty } from '@/components/Empty'
import { ButtonLink, TextLink } from '@/components/links'
import { DataList, type Column } from '@/components/list/DataList'
import { useList } from '@/components/list/useList'
import { notifyError } from '@/components/notify'
import { PageHeader } from '@/components/PageHeader'
import { StateBadge } from '@/components/StateBadge'
import { api, ok } from '@/lib/api/client'
import type { SessionSummary, SortOf } from '@/lib/api/types'
import { ago, dateTime } from '@/lib/format'
import { isAlive, useEnd } from './api'

export type SessionFilter = 'active' | 'ended' | undefined

interface Props {
  state: SessionFilter
  onState: (state: SessionFilter) => void
}

/** All sessions of the caller, the running ones to be resumed or ended. */
export function SessionsPage({ state, onState }: Props) {
  const { t } = useTranslation()
  const [sort, setSort] = useState<SortOf<'/v1/sessions'>>('-created')
  const list = useList({
    key: ['sessions', 'mine', state ?? 'any', sort],
    read: (cursor, signal) => ok(api.GET('/v1/sessions', { params: { query: { scope: 'mine', state, limit: 25, sort, cursor } }, signal })),
  })
  const [ending, setEnding] = useState<SessionSummary>()
  const end = useEnd()
  const endNow = () => {
    if (!ending) return
    end.mutate(ending.id, { onError: notifyError, onSettled: () => setEnding(undefined) })
  }
  return (
    <>
      <PageHeader title={t('sessions.title')} text={t('sessions.text')}>
        <SegmentedControl
          aria-label={t('sessions.filter')}
          value={state ?? 'any'}
          onChange={(value) => onState(value === 'any' ? undefined : value)}
          data={[
            { value: 'any', label: t('sessions.any') },
            { value: 'active', label: t('sessions.active') },
            { value: 'ended', label: t('sessions.ended') },
          ]}
        />
      </PageHeader>
      <DataList
        list={list}
        label={t('sessions.title')}
        columns={columns(t, setEnding)}
        rowKey={({ id }) => id}
        sort={sort}
        onSort={setSort}
        empty={
          <Empty icon={<IconFlask size={26} />} title={t(state === 'active' ? 'sessions.noneActive' : 'sessions.none')} text={t('sessions.noneText')}>
            <ButtonLink to="/">{t('sessions.browse')}</ButtonLink>
          </Empty>
        }
      />
      <ConfirmDialog
        opened={ending !== undefined}
        title={t('lab.endTitle')}
        text={t('lab.endText')}
        confirm={t('lab.end')}
        busy={end.isPending}
        onConfirm={endNow}
        onClose={() => setEnding(undefined)}
      />
    </>
  )
}

function columns(t: TFunction, onEnd: (session: SessionSummary) => void): Column<SessionSummary>[] {
  return [
    {
      title: t('sessions.lab'),
      cell: ({ id, lab }) => (
        <TextLink to="/sessions/$id" params={{ id }} fw={550} size="sm" c="var(--mantine-color-text)">
          {lab.title}
        </TextLink>
      ),
    },
    { title: t('sessions.state'), cell: ({ state }) => <StateBadge state={state} /> },
    { title: t('sessions.progress'), kind: 'short', cell: ({ progress: { passed, total } }) => t('lab.checksPassed', { passed, total }) },
    { title: t('sessions.score'), kind: 'number', cell: ({ score, points }) => (points > 0 ? `${score}/${points}` : '–') },
    {
      title: t('sessions.started'),
      kind: 'short',
      sort: 'created',
      cell: ({ createdAt }) => (
        <Text component="time" size="sm" dateTime={createdAt} title={dateTime(createdAt)}>
          {ago(createdAt)}
        </Text>
      ),
    },
    { title: t('sessions.actions'), kind: 'actions', cell: (session) => <Actions session={session} onEnd={() => onEnd(session)} /> },
  ]
}

function Actions({ session: { id, lab, state }, onEnd }: { session: SessionSummary; onEnd: () => void }) {
  const { t } = useTranslation()
  if (!isAlive(state)) {
    return (
      <ButtonLink to="/labs/$slug" params={{ slug: lab.slug }} size="xs" variant="default">
        {t('sessions.viewLab')}
      </ButtonLink>
    )
  }
  return (
    <>
      <ButtonLink to="/sessions/$id" params={{ id }} size="xs" leftSection={<IconPlayerPlayFilled size={12} />}>
        {t('resume.resume')}
      </ButtonLink>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={t('sessions.more', { title: lab.title })}>
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item color="red" leftSection={<IconPlayerStop size={16} />} onClick={onEnd}>
            {t('lab.end')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  )
}
