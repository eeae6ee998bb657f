import '@mantine/core/styles/Input.layer.css'
import '@mantine/core/styles/Pill.layer.css'
import { Button, Group, Pill, Skeleton, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { queryOptions, useQuery } from '@tanstack/react-query'
import { IconChevronLeft, IconChevronRight, IconHistory, IconSearch } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { AuditTable } from '@/components/AuditTable'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { api, ok } from '@/lib/api/client'
import type { AuditFilter } from '@/lib/audit'

type Filter = Pick<AuditFilter, 'action' | 'actor'>

function operatorAuditQuery({ action, actor }: Filter, cursor: string | undefined) {
  return queryOptions({
    queryKey: ['operator', 'log', action ?? '', actor ?? '', cursor ?? ''],
    queryFn: ({ signal }) => ok(api.GET('/v1/operator/audit', { params: { query: { action, actor, cursor } }, signal })),
    placeholderData: (before) => before,
  })
}

/** What operators did to the installation, the newest first. */
export function OperatorAudit({ filter, onFilter }: { filter: Filter; onFilter: (filter: Filter) => void }) {
  const { t } = useTranslation()
  const [cursors, setCursors] = useState<string[]>([])
  const [typed, setTyped] = useState(filter.action ?? '')
  const list = useQuery(operatorAuditQuery(filter, cursors.at(-1)))
  const change = (next: Filter) => {
    setCursors([])
    onFilter(next)
  }
  const search = useDebouncedCallback((action: string) => change({ ...filter, action: action.trim() || undefined }), 250)
  return (
    <section aria-label={t('audit.operators')}>
      <Group mb="md" gap="sm" align="flex-end">
        <TextInput
          flex="1 1 220px"
          maw={340}
          label={t('audit.action')}
          leftSection={<IconSearch size={16} />}
          maxLength={100}
          value={typed}
          onChange={({ currentTarget: { value } }) => {
            setTyped(value)
            search(value)
          }}
        />
        {filter.actor && (
          <Pill
            withRemoveButton
            onRemove={() => change({ ...filter, actor: undefined })}
            removeButtonProps={{ 'aria-label': t('audit.remove', { name: t('audit.by.actor') }), tabIndex: 0, 'aria-hidden': false }}
          >
            {t('audit.by.actor')}: {filter.actor}
          </Pill>
        )}
      </Group>
      {list.error && !list.data && <Failure error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton h={220} radius="lg" />}
      {list.data?.items.length === 0 && (
        <Empty
          icon={<IconHistory size={26} />}
          title={filter.action || filter.actor ? t('audit.noneFound') : t('organisation.noAudit')}
          text={filter.action || filter.actor ? t('audit.noneFoundText') : t('audit.operatorsNone')}
        />
      )}
      {list.data && list.data.items.length > 0 && (
        <AuditTable entries={list.data.items} onPick={({ actor }) => actor && change({ ...filter, actor })} />
      )}
      <Group justify="flex-end" mt="md" gap="xs">
        {cursors.length > 0 && (
          <Button size="xs" variant="default" leftSection={<IconChevronLeft size={14} />} onClick={() => setCursors(cursors.slice(0, -1))}>
            {t('tenants.newer')}
          </Button>
        )}
        {list.data?.next && (
          <Button
            size="xs"
            variant="default"
            rightSection={<IconChevronRight size={14} />}
            onClick={() => list.data.next && setCursors([...cursors, list.data.next])}
          >
            {t('tenants.older')}
          </Button>
        )}
      </Group>
    </section>
  )
}
