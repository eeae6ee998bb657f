import { Alert, Button, Group, Skeleton, Text, Title, VisuallyHidden } from '@mantine/core'
import { IconCloudOff, IconMoodEmpty } from '@tabler/icons-react'
import { useEffect, useId, useRef, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { Failure, RetryButton } from '@/components/Failure'
import { messageOf } from '@/lib/api/problem'
import classes from './List.module.css'
import type { List } from './useList'

export interface FrameProps<T> {
  list: List<T>
  /** Names the list for those who do not see where it stands. */
  label: string
  /** Stands above it; without one the label is read only. */
  title?: string
  order?: 2 | 3
  text?: ReactNode
  /** The one thing to do with the whole list, such as adding to it. */
  action?: ReactNode
  /** What is said of the whole list before its rows. */
  above?: ReactNode
  /** Search, choices and whatever else narrows it. */
  filters?: ReactNode
  /** Takes all filters away; none where nothing is filtered. */
  onClear?: () => void
  /** Keeps the filters where nothing is found: one of them is always chosen. */
  keepFilters?: boolean
  /** In place of a list that has nothing: what it is for, and what to do first. */
  empty: ReactNode
  /** In place of rows that are on their way, where they do not look like lines. */
  bones?: ReactNode
  /** What is said above the rows, as long as there are any. */
  note?: ReactNode
}

interface Props<T> extends FrameProps<T> {
  children: (items: T[]) => ReactNode
}

/** A list with all that can become of it: on its way, failed, without a connection, empty, found nothing, more to come. */
export function ListFrame<T>({ list, label, title, order = 2, text, action, above, filters, keepFilters, onClear, empty, note, bones, children }: Props<T>) {
  const { t } = useTranslation()
  const id = useId()
  const { items } = list
  const nothing = items?.length === 0
  const unused = nothing && !onClear && !list.more && !keepFilters // there is nothing to narrow: its empty state says what comes first
  return (
    <section className={classes.list} aria-label={title ? undefined : label} aria-labelledby={title ? id : undefined}>
      {(title ?? text ?? action) && (
        <Group justify="space-between" align="flex-start" gap="sm">
          <div className={classes.intro}>
            {title && (
              <Title order={order} fz={order === 2 ? 'lg' : 'md'} id={id}>
                {title}
              </Title>
            )}
            {text && (
              <Text size="sm" c="dimmed" mt={title ? 2 : 0} maw={620}>
                {text}
              </Text>
            )}
          </div>
          {action}
        </Group>
      )}
      {above}
      {!unused && filters && <div className={classes.filters}>{filters}</div>}
      <VisuallyHidden aria-live="polite">{items && !list.stale && t('list.shown', { count: items.length })}</VisuallyHidden>
      {!items && <Waiting list={list} bones={bones} />}
      {items && <Outdated list={list} />}
      {nothing && (onClear ? <NothingFound more={list.more} onClear={onClear} /> : empty)}
      {items && items.length > 0 && (
        <>
          {note}
          <div className={classes.rows} aria-busy={list.stale} data-stale={list.stale || undefined}>
            {children(items)}
          </div>
        </>
      )}
      <More list={list} />
    </section>
  )
}

/** As long as nothing has arrived: on its way, or why it is not. */
function Waiting<T>({ list, bones }: { list: List<T>; bones?: ReactNode }) {
  const { t } = useTranslation()
  if (list.error) return <Failure error={list.error} onRetry={list.retry} />
  if (list.paused) return <Empty icon={<IconCloudOff size={26} />} title={t('errors.offlineTitle')} text={t('list.offline')} />
  if (bones) return bones
  return (
    <div className={classes.card} role="status" aria-label={t('status.loading')}>
      {[62, 44, 71, 53, 60].map((width, n) => (
        <div key={n} className={classes.bones}>
          <Skeleton h={12} w={`${width / 2}%`} radius="xl" />
          <Skeleton h={12} w={`${(100 - width) / 3}%`} radius="xl" />
          <Skeleton h={12} w="12%" radius="xl" />
        </div>
      ))}
    </div>
  )
}

/** Above rows that are here, but could not be read again. */
function Outdated<T>({ list }: { list: List<T> }) {
  const { t } = useTranslation()
  if (!list.error) return null
  return (
    <Alert color="yellow" variant="light" role="alert" icon={<IconCloudOff size={18} />}>
      <Group justify="space-between" gap="sm">
        <Text size="sm" className={classes.intro}>
          {t('list.outdated')} {messageOf(list.error)}
        </Text>
        <RetryButton error={list.error} onRetry={list.retry} />
      </Group>
    </Alert>
  )
}

function NothingFound({ more, onClear }: { more: boolean; onClear: () => void }) {
  const { t } = useTranslation()
  return (
    <Empty icon={<IconMoodEmpty size={26} />} title={t('list.nothing')} text={t(more ? 'list.nothingYet' : 'list.nothingText')}>
      <Button variant="default" onClick={onClear}>
        {t('list.clear')}
      </Button>
    </Empty>
  )
}

/** Adds the next page. Where that was the last, the focus goes to what says so: its button is gone. */
function More<T>({ list }: { list: List<T> }) {
  const { t } = useTranslation()
  const end = useRef<HTMLDivElement>(null)
  const asked = useRef(false)
  useEffect(() => {
    if (asked.current && !list.more) end.current?.focus()
    asked.current = asked.current && list.more
  }, [list.more])
  const add = () => {
    asked.current = true
    void list.add()
  }
  return (
    <div ref={end} tabIndex={-1} className={classes.end}>
      {list.more && list.items && !list.stale && (
        <>
          <Text size="sm" c="dimmed">
            {t('list.shown', { count: list.items.length })}
          </Text>
          <Button variant="default" loading={list.adding} onClick={add}>
            {t('actions.more')}
          </Button>
        </>
      )}
    </div>
  )
}
