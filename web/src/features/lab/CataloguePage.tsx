import { Button, Chip, CloseButton, Group, NativeSelect, Skeleton, TextInput, VisuallyHidden } from '@mantine/core'
import { useDebouncedCallback, useHotkeys } from '@mantine/hooks'
import { useInfiniteQuery } from '@tanstack/react-query'
import { IconMoodEmpty, IconSearch, IconStack2 } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { PageHeader } from '@/components/PageHeader'
import type { SessionSummary, TagCount } from '@/lib/api/types'
import { labsQuery, levels, type LabFilter } from './api'
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
  const list = useInfiniteQuery(labsQuery(filter))
  const labs = list.data?.pages.flatMap((page) => page.items)
  const filtered = Boolean(filter.q ?? filter.tag ?? filter.level)
  return (
    <>
      <PageHeader title={t('catalogue.title')} text={t('catalogue.text')} />
      <Filters filter={filter} tags={list.data?.pages[0]?.tags ?? []} onFilter={onFilter} />
      <VisuallyHidden role="status">{labs && t('catalogue.found', { count: labs.length })}</VisuallyHidden>
      {list.error && !labs && <Failure error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <CardSkeletons />}
      {labs?.length === 0 && (filtered ? <NothingFound onClear={() => onFilter({})} /> : <NoLabs />)}
      {labs && labs.length > 0 && (
        <ul className={classes.grid}>
          {labs.map((lab) => (
            <li key={lab.slug}>
              <LabCard lab={lab} session={sessions.get(lab.slug)} />
            </li>
          ))}
        </ul>
      )}
      {list.hasNextPage && (
        <Group justify="center" mt="lg">
          <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {t('actions.more')}
          </Button>
        </Group>
      )}
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
    <Group className={classes.filters} gap="sm">
      <SearchField value={filter.q ?? ''} onChange={(q) => onFilter({ ...filter, q: q || undefined })} />
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
    </Group>
  )
}

/** Typing filters after a pause; "/" leads into the field. */
function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation()
  const field = useRef<HTMLInputElement>(null)
  const [typed, setTyped] = useState(value)
  const [known, setKnown] = useState(value)
  if (value !== known) {
    // the address changed by other means: Back, a cleared filter
    setKnown(value)
    if (value !== typed.trim()) setTyped(value)
  }
  const send = useDebouncedCallback(onChange, 200)
  useHotkeys([['/', () => field.current?.focus()]])
  useEffect(() => () => send.cancel(), [send])
  const change = (text: string) => {
    setTyped(text)
    send(text.trim())
  }
  return (
    <TextInput
      ref={field}
      type="search"
      className={classes.search}
      aria-label={t('catalogue.search')}
      placeholder={t('catalogue.search')}
      leftSection={<IconSearch size={16} />}
      rightSection={typed && <CloseButton size="sm" aria-label={t('catalogue.clearSearch')} onClick={() => change('')} />}
      value={typed}
      onChange={({ currentTarget }) => change(currentTarget.value)}
    />
  )
}

function NothingFound({ onClear }: { onClear: () => void }) {
  const { t } = useTranslation()
  return (
    <Empty icon={<IconMoodEmpty size={26} />} title={t('catalogue.nothing')} text={t('catalogue.nothingText')}>
      <Button variant="default" onClick={onClear}>
        {t('catalogue.clear')}
      </Button>
    </Empty>
  )
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
  return (
    <div className={classes.grid} aria-busy>
      {[1, 2, 3, 4, 5, 6].map((n) => (
        <Skeleton key={n} h={196} radius="lg" />
      ))}
    </div>
  )
}
