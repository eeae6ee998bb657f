import '@mantine/core/styles/Input.layer.css'
import '@mantine/core/styles/Pill.layer.css'
import { Button, Pill, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { IconDownload, IconHistory, IconSearch } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { DataList } from '@/components/list/DataList'
import { useList } from '@/components/list/useList'
import { notifyError } from '@/components/notify'
import { asked, type AuditFilter } from '@/lib/audit'
import { auditColumns } from './auditColumns'
import classes from './Audit.module.css'
import { AuditSeals } from './AuditSeals'
import { saveAudit, type AuditSort, type AuditSource } from './source'

interface Props {
  source: AuditSource
  filter: AuditFilter
  onFilter: (filter: AuditFilter) => void
}

/** Who did what, the newest first, with how far the log is sealed. */
export function AuditLog({ source, filter, onFilter }: Props) {
  const { t } = useTranslation()
  const [sort, setSort] = useState<AuditSort>('-at')
  const list = useList({ key: [source.key, 'audit', filter, sort], read: (cursor, signal) => source.list({ ...asked(filter), sort, cursor }, signal) })
  const filtered = Object.values(filter).some(Boolean)
  return (
    <DataList
      list={list}
      label={source.label}
      title={source.label}
      above={<AuditSeals source={source} />}
      columns={auditColumns(t, (more) => onFilter({ ...filter, ...more }))}
      rowKey={({ id }) => id}
      sort={sort}
      onSort={setSort}
      filters={<Filters source={source} filter={filter} onFilter={onFilter} />}
      onClear={filtered ? () => onFilter({}) : undefined}
      empty={<Empty icon={<IconHistory size={26} />} title={source.none} text={source.noneText} />}
    />
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
      <div className={classes.filters}>
        <Typed label={t('audit.search')} value={filter.q ?? ''} icon onChange={(q) => onFilter({ ...filter, q })} />
        <Typed label={t('audit.action')} value={filter.action ?? ''} onChange={(action) => onFilter({ ...filter, action })} />
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
        <Button.Group className={classes.save}>
          <Button variant="default" leftSection={<IconDownload size={16} />} loading={busy === 'csv'} aria-label={t('audit.csvLabel')} onClick={() => save('csv')}>
            {t('audit.csv')}
          </Button>
          <Button variant="default" loading={busy === 'jsonl'} aria-label={t('audit.jsonlLabel')} onClick={() => save('jsonl')}>
            {t('audit.jsonl')}
          </Button>
        </Button.Group>
      </div>
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
    </>
  )
}

interface TypedProps {
  label: string
  value: string
  icon?: boolean
  onChange: (value: string | undefined) => void
}

/** A field whose text filters a moment after it was typed. */
function Typed({ label, value, icon, onChange }: TypedProps) {
  const [typed, setTyped] = useState(value)
  const [last, setLast] = useState(value)
  if (value !== last) {
    setLast(value)
    if (value === '') setTyped('') // the filter was taken away elsewhere
  }
  const later = useDebouncedCallback((next: string) => onChange(next.trim() || undefined), 250)
  return (
    <TextInput
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
