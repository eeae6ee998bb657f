import { Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import classes from './List.module.css'
import { ListFrame } from './ListFrame'
import { few, named } from './named'
import { SearchField } from './SearchField'
import { useInAddress } from './useInAddress'
import { whole, type Read } from './useList'

interface Item {
  id: string
  name: string
}

interface Props<T extends Item> {
  /** What reads all of them, and what it has read. */
  query: Read
  items: T[] | undefined
  title: string
  text: string
  /** Adds one; where there is none the empty state has it. */
  add: ReactNode
  empty: (add: ReactNode) => ReactNode
  /** What is said above the cards, such as that there is room for no more. */
  note?: string
  card: (item: T) => ReactNode
}

/** A short list that is read whole: a card for each, found by name once there are many. */
export function NamedCards<T extends Item>({ query, items, title, text, add, empty, note, card }: Props<T>) {
  const { t } = useTranslation()
  const [q, setQ] = useInAddress('q')
  const count = items?.length ?? 0
  return (
    <ListFrame
      list={whole(query, items && named(items, q))}
      label={title}
      title={title}
      text={text}
      action={count > 0 && add}
      filters={count > few && <SearchField label={t('list.byName')} value={q} onChange={setQ} />}
      onClear={q === undefined || count === 0 ? undefined : () => setQ(undefined)}
      note={
        note && (
          <Text size="sm" c="dimmed" mb="md">
            {note}
          </Text>
        )
      }
      empty={empty(add)}
    >
      {(shown) => <ul className={classes.cards}>{shown.map(card)}</ul>}
    </ListFrame>
  )
}
