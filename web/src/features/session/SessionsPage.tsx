import '@mantine/core/styles/FloatingIndicator.layer.css'
import '@mantine/core/styles/SegmentedControl.layer.css'
import '@mantine/core/styles/Table.layer.css'
import { ActionIcon, Button, Group, Menu, SegmentedControl, Skeleton, Table, Text, VisuallyHidden } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { IconDots, IconFlask, IconPlayerPlayFilled, IconPlayerStop } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { ButtonLink, TextLink } from '@/components/links'
import { notifyError } from '@/components/notify'
import { PageHeader } from '@/components/PageHeader'
import { StateBadge } from '@/components/StateBadge'
import { api, ok } from '@/lib/api/client'
import type { SessionSummary } from '@/lib/api/types'
import { ago, dateTime } from '@/lib/format'
import { isAlive, useEnd } from './api'
import classes from './SessionsPage.module.css'

export type SessionFilter = 'active' | 'ended' | undefined

interface Props {
  state: SessionFilter
  onState: (state: SessionFilter) => void
}

/** All sessions of the caller, the running ones to be resumed or ended. */
export function SessionsPage({ state, onState }: Props) {
  const { t } = useTranslation()
  const list = useInfiniteQuery({
    queryKey: ['sessions', 'mine', state ?? 'any'],
    queryFn: ({ signal, pageParam }) =>
      ok(api.GET('/v1/sessions', { params: { query: { scope: 'mine', state, limit: 25, cursor: pageParam } }, signal })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
  })
  const sessions = list.data?.pages.flatMap((page) => page.items)
  return (
    <>
      <PageHeader title={t('sessions.title')} text={t('sessions.text')}>
        <SegmentedControl
          aria-label={t('sessions.filter')}
          value={state ?? 'any'}
          onChange={(value) => onState(value === 'any' ? undefined : (value))}
          data={[
            { value: 'any', label: t('sessions.any') },
            { value: 'active', label: t('sessions.active') },
            { value: 'ended', label: t('sessions.ended') },
          ]}
        />
      </PageHeader>
      {list.error && !sessions && <Failure error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton h={220} radius="lg" />}
      {sessions?.length === 0 && (
        <Empty
          icon={<IconFlask size={26} />}
          title={t(state === 'active' ? 'sessions.noneActive' : 'sessions.none')}
          text={t('sessions.noneText')}
        >
          <ButtonLink to="/">{t('sessions.browse')}</ButtonLink>
        </Empty>
      )}
      {sessions && sessions.length > 0 && <SessionsTable sessions={sessions} />}
      {list.hasNextPage && (
        <Group justify="center" mt="md">
          <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {t('actions.more')}
          </Button>
        </Group>
      )}
    </>
  )
}

function SessionsTable({ sessions }: { sessions: SessionSummary[] }) {
  const { t } = useTranslation()
  const [ending, setEnding] = useState<SessionSummary>()
  const end = useEnd()
  const endNow = () => {
    if (!ending) return
    end.mutate(ending.id, { onError: notifyError, onSettled: () => setEnding(undefined) })
  }
  return (
    <div className={classes.card}>
      <Table.ScrollContainer minWidth={280} type="native">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('sessions.lab')}</Table.Th>
              <Table.Th>{t('sessions.state')}</Table.Th>
              <Table.Th visibleFrom="sm">{t('sessions.progress')}</Table.Th>
              <Table.Th visibleFrom="sm">{t('sessions.score')}</Table.Th>
              <Table.Th visibleFrom="sm">{t('sessions.started')}</Table.Th>
              <Table.Th>
                <VisuallyHidden>{t('sessions.actions')}</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {sessions.map((session) => (
              <SessionRow key={session.id} session={session} onEnd={() => setEnding(session)} />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <ConfirmDialog
        opened={ending !== undefined}
        title={t('lab.endTitle')}
        text={t('lab.endText')}
        confirm={t('lab.end')}
        busy={end.isPending}
        onConfirm={endNow}
        onClose={() => setEnding(undefined)}
      />
    </div>
  )
}

function SessionRow({ session, onEnd }: { session: SessionSummary; onEnd: () => void }) {
  const { t } = useTranslation()
  const alive = isAlive(session.state)
  const { passed, total } = session.progress
  return (
    <Table.Tr>
      <Table.Td>
        <TextLink to="/sessions/$id" params={{ id: session.id }} fw={550} size="sm" c="var(--mantine-color-text)">
          {session.lab.title}
        </TextLink>
      </Table.Td>
      <Table.Td>
        <StateBadge state={session.state} />
      </Table.Td>
      <Table.Td visibleFrom="sm" className={classes.number}>{t('lab.checksPassed', { passed, total })}</Table.Td>
      <Table.Td visibleFrom="sm" className={classes.number}>{session.points > 0 ? `${session.score}/${session.points}` : '–'}</Table.Td>
      <Table.Td visibleFrom="sm">
        <Text component="time" size="sm" dateTime={session.createdAt} title={dateTime(session.createdAt)}>
          {ago(session.createdAt)}
        </Text>
      </Table.Td>
      <Table.Td>
        <Group gap="xs" justify="flex-end" wrap="nowrap">
          {alive ? (
            <ButtonLink to="/sessions/$id" params={{ id: session.id }} size="xs" leftSection={<IconPlayerPlayFilled size={12} />}>
              {t('resume.resume')}
            </ButtonLink>
          ) : (
            <ButtonLink to="/labs/$slug" params={{ slug: session.lab.slug }} size="xs" variant="default">
              {t('sessions.viewLab')}
            </ButtonLink>
          )}
          {alive && (
            <Menu position="bottom-end">
              <Menu.Target>
                <ActionIcon variant="subtle" color="gray" aria-label={t('sessions.more', { title: session.lab.title })}>
                  <IconDots size={18} />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item color="red" leftSection={<IconPlayerStop size={16} />} onClick={onEnd}>
                  {t('lab.end')}
                </Menu.Item>
              </Menu.Dropdown>
            </Menu>
          )}
        </Group>
      </Table.Td>
    </Table.Tr>
  )
}
