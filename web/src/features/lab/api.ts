import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'
import type { LabSummary } from '@/lib/api/types'

export type Level = LabSummary['level']
export const levels: Level[] = ['beginner', 'intermediate', 'advanced']

/** What the catalogue shows; it lives in the address. */
export interface LabFilter {
  q?: string
  tag?: string
  level?: Level
}

/** The address may hold more than a filter, such as the organisation that somebody signed in to: lists refuse what they do not know. */
export function labsQuery({ q, tag, level }: LabFilter) {
  return infiniteQueryOptions({
    queryKey: ['labs', { q, tag, level }],
    queryFn: ({ signal, pageParam }) =>
      ok(api.GET('/v1/labs', { params: { query: { q, tag, level, limit: 48, cursor: pageParam } }, signal })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    placeholderData: (before) => before, // the old result stays while a new one is typed
  })
}

export function labQuery(slug: string) {
  return queryOptions({
    queryKey: ['lab', slug],
    queryFn: ({ signal }) => ok(api.GET('/v1/labs/{slug}', { params: { path: { slug } }, signal })),
  })
}
