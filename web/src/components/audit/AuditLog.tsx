import '@mantine/core/styles/Input.layer.css'
import '@mantine/core/styles/Pill.layer.css'
import { Button, Group, Pill, Skeleton, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { IconChevronLeft, IconChevronRight, IconDownload, IconHistory, IconSearch } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import type { AuditFilter } from '@/lib/audit'
import { AuditSeals } from './AuditSeals'
import { AuditTable } from './AuditTable'
import { auditQuery, saveAudit, type AuditSource } from './source'

interface Props {
  source: AuditSource
  filter: AuditFilter
  onFilter: (filter: AuditFilter) => void
}

/** Who did what, the newest first, with how far the log is sealed. */
export function AuditLog({ source, filter, onFilter }: Props) {
  const { t } = useTranslation()
  const [cursors, setCursors] = useState<string[]>([])
  const list = useQuery(auditQuery(source, filter, cursors.at(-1)))
  const change = (next: AuditFilter) => {
    setCursors([])
    onFilter(next)
  }
  const filtered = Object.values(filter).some(Boolean)
  return (
    <section aria-label={source.label}>
      <AuditSeals source={source} />
      <Filters source={source} filter={filter} onFilter={change} />
      {list.error && !list.data && <Failure error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton h={220} radius="lg" />}
      {list.data?.items.length === 0 && (
        <Empty
          icon={<IconHistory size={26} />}
          title={filtered ? t('audit.noneFound') : source.none}
          text={filtered ? t(list.data.next ? 'audit.noneYetText' : 'audit.noneFoundText') : source.noneText}
        >
          {filtered && (
            <Button variant="default" onClick={() => change({})}>
              {t('audit.clear')}
            </Button>
          )}
        </Empty>
      )}
      {list.data && list.data.items.length > 0 && <AuditTable entries={list.data.items} onPick={(more) => change({ ...filter, ...more })} />}
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

const picked = ['actor', 'target', 'address', 'request'] as const

function Filters({ source, filter, onFilter }: Props) {
  const { t } = useTranslation()
  const [busy, setBusy] = useState<'csv' | 'jsonl'>()
  const save = (format: 'csv' | 'jsonl') => {
    setBusy(format)
    saveAudit(source, filter, format)
      .catch(notifyError)
      .finally(() => setBusy(undefined))
  }
  return (
    <>
      <Group mb="sm" gap="sm" align="flex-end">
        <Typed label={t('audit.search')} value={filter.q ?? ''} width="1 1 220px" icon onChange={(q) => onFilter({ ...filter, q })} />
        <Typed label={t('audit.action')} value={filter.action ?? ''} width="0 1 170px" onChange={(action) => onFilter({ ...filter, action })} />
        <TextInput
          type="date"
          label={t('audit.from')}
          max={filter.to}
          value={filter.from ?? ''}
          onChange={({ currentTarget: { value } }) => onFilter({ ...filter, from: value || undefined })}
        />
        <TextInput
          type="date"
          label={t('audit.to')}
          min={filter.from}
          value={filter.to ?? ''}
          onChange={({ currentTarget: { value } }) => onFilter({ ...filter, to: value || undefined })}
        />
        <Button.Group>
          <Button variant="default" leftSection={<IconDownload size={16} />} loading={busy === 'csv'} aria-label={t('audit.csvLabel')} onClick={() => save('csv')}>
            {t('audit.csv')}
          </Button>
          <Button variant="default" loading={busy === 'jsonl'} aria-label={t('audit.jsonlLabel')} onClick={() => save('jsonl')}>
            {t('audit.jsonl')}
          </Button>
        </Button.Group>
      </Group>
      {picked.some((name) => filter[name]) && (
        <Group mb="sm" gap="xs">
          {picked.map(
            (name) =>
              filter[name] && (
                <Pill
                  key={name}
                  withRemoveButton
                  onRemove={() => onFilter({ ...filter, [name]: undefined })}
                  removeButtonProps={{ 'aria-label': t('audit.remove', { name: t(`audit.by.${name}`) }), tabIndex: 0, 'aria-hidden': false }}
                >
                  {t(`audit.by.${name}`)}: {filter[name]}
                </Pill>
              ),
          )}
        </Group>
      )}
    </>
  )
}

interface TypedProps {
  label: string
  value: string
  width: string
  icon?: boolean
  onChange: (value: string | undefined) => void
}

/** A field whose text filters a moment after it was typed. */
function Typed({ label, value, width, icon, onChange }: TypedProps) {
  const [typed, setTyped] = useState(value)
  const [last, setLast] = useState(value)
  if (value !== last) {
    setLast(value)
    if (value === '') setTyped('') // the filter was taken away elsewhere
  }
  const later = useDebouncedCallback((next: string) => onChange(next.trim() || undefined), 250)
  return (
    <TextInput
      flex={width}
      label={label}
      leftSection={icon && <IconSearch size={16} />}
      maxLength={100}
      value={typed}
      onChange={({ currentTarget: { value: next } }) => {
        setTyped(next)
        later(next)
      }}
    />
  )
}
