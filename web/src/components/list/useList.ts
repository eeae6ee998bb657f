import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import type { ListPage } from '@/lib/api/list'

/** A list as far as it is here. */
export interface List<T> {
  /** None: nothing has arrived yet. */
  items: T[] | undefined
  error: unknown
  /** Nothing is asked, because this browser has no connection. */
  paused: boolean
  /** What is shown is of before, and is being replaced. */
  stale: boolean
  more: boolean
  adding: boolean
  add: () => Promise<unknown>
  retry: () => void
}

interface Wanted<P> {
  /** Tells it apart, its filters and its sort included. */
  key: readonly unknown[]
  read: (cursor: string | undefined, signal: AbortSignal) => Promise<P>
  /** How often it is read again, in milliseconds; only as long as it has one page. */
  every?: number
}

/** Reads a list page by page; each further page is added below. What was shown stays until something else is here. */
export function useList<P extends ListPage<unknown>>({ key, read, every }: Wanted<P>): List<P['items'][number]> & { first: P | undefined } {
  const query = useInfiniteQuery({
    queryKey: [...key, 'list'],
    queryFn: ({ signal, pageParam }) => read(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => (every && (state.data?.pages.length ?? 0) < 2 ? every : false),
  })
  return {
    items: query.data?.pages.flatMap((page) => page.items),
    first: query.data?.pages[0], // for what it says besides its items
    error: query.error,
    paused: query.fetchStatus === 'paused',
    stale: query.isPlaceholderData,
    more: query.hasNextPage,
    adding: query.isFetchingNextPage,
    add: query.fetchNextPage,
    retry: () => void query.refetch(),
  }
}

/** As much of a query as its list needs. */
export interface Read {
  error: unknown
  fetchStatus: 'fetching' | 'paused' | 'idle'
  isPlaceholderData: boolean
  refetch: () => unknown
}

/** A list that another query reads whole. */
export function whole<T>(query: Read, items: T[] | undefined): List<T> {
  return {
    items,
    error: query.error,
    paused: query.fetchStatus === 'paused',
    stale: query.isPlaceholderData,
    more: false,
    adding: false,
    add: () => Promise.resolve(),
    retry: () => void query.refetch(),
  }
}
