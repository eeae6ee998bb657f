import { Chip, NativeSelect, Skeleton } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { IconStack2 } from '@tabler/icons-react'
import { useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { ListFrame } from '@/components/list/ListFrame'
import { SearchField } from '@/components/list/SearchField'
import { useList } from '@/components/list/useList'
import { PageHeader } from '@/components/PageHeader'
import type { SessionSummary, TagCount } from '@/lib/api/types'
import { labSorts, levels, readLabs, type LabFilter } from './api'
import classes from './CataloguePage.module.css'
import { LabCard } from './LabCard'

interface Props {
  filter: LabFilter
  onFilter: (filter: LabFilter) => void
  /** The caller's sessions by lab: the running one or else the latest. */
  sessions: Map<string, SessionSummary>
}

/** All labs, searched and filtered; the filters live in the address. */
export function CataloguePage({ filter, onFilter, sessions }: Props) {
  const { t } = useTranslation()
  const { q, tag, level, sort } = filter
  const list = useList({ key: ['labs', q, tag, level, sort], read: (cursor, signal) => readLabs(filter, cursor, signal) })
  const filtered = Boolean(q ?? tag ?? level)
  return (
    <>
      <PageHeader title={t('catalogue.title')} text={t('catalogue.text')} />
      <ListFrame
        list={list}
        label={t('catalogue.title')}
        filters={<Filters filter={filter} tags={list.first?.tags ?? []} onFilter={onFilter} />}
        onClear={filtered ? () => onFilter({ sort }) : undefined}
        bones={<CardSkeletons />}
        empty={<NoLabs />}
      >
        {(labs) => (
          <ul className={classes.grid}>
            {labs.map((lab) => (
              <li key={lab.slug}>
                <LabCard lab={lab} session={sessions.get(lab.slug)} />
              </li>
            ))}
          </ul>
        )}
      </ListFrame>
    </>
  )
}

interface FiltersProps {
  filter: LabFilter
  tags: TagCount[]
  onFilter: (filter: LabFilter) => void
}

function Filters({ filter, tags, onFilter }: FiltersProps) {
  const { t } = useTranslation()
  const shown = tags.slice(0, 12)
  return (
    <>
      <Search value={filter.q} onChange={(q) => onFilter({ ...filter, q })} />
      <NativeSelect
        aria-label={t('catalogue.level')}
        w={170}
        value={filter.level ?? ''}
        onChange={({ currentTarget: { value } }) => onFilter({ ...filter, level: levels.find((level) => level === value) })}
        data={[
          { value: '', label: t('catalogue.anyLevel') },
          ...levels.map((level) => ({ value: level, label: t(`level.${level}`) })),
        ]}
      />
      <NativeSelect
        aria-label={t('list.sort')}
        w={170}
        value={filter.sort ?? 'title'}
        onChange={({ currentTarget: { value } }) => onFilter({ ...filter, sort: labSorts.find((sort) => sort === value && sort !== 'title') })}
        data={labSorts.map((sort) => ({ value: sort, label: t(`catalogue.sort.${sort}`) }))}
      />
      {shown.length > 0 && (
        <div className={classes.tags} role="group" aria-label={t('catalogue.tags')}>
          {shown.map(({ tag, count }) => (
            <Chip
              key={tag}
              size="xs"
              variant="light"
              checked={filter.tag === tag}
              onChange={(on) => onFilter({ ...filter, tag: on ? tag : undefined })}
            >
              {tag} <span className={classes.count}>{count}</span>
            </Chip>
          ))}
        </div>
      )}
    </>
  )
}

/** "/" leads into the search. */
function Search({ value, onChange }: { value: string | undefined; onChange: (value: string | undefined) => void }) {
  const { t } = useTranslation()
  const field = useRef<HTMLInputElement>(null)
  useHotkeys([['/', () => field.current?.focus()]])
  return <SearchField ref={field} label={t('catalogue.search')} value={value} onChange={onChange} />
}

function NoLabs() {
  const { t } = useTranslation()
  return (
    <Empty icon={<IconStack2 size={26} />} title={t('catalogue.empty')} text={t('catalogue.emptyText')}>
      <code className={classes.command}>cloudkida lab push labs/*</code>
    </Empty>
  )
}

function CardSkeletons() {
  const { t } = useTranslation()
  return (
    <div className={classes.grid} role="status" aria-label={t('status.loading')}>
      {[1, 2, 3, 4, 5, 6].map((n) => (
        <Skeleton key={n} h={196} radius="lg" />
      ))}
    </div>
  )
}
