import { queryOptions } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'
import type { LabSummary } from '@/lib/api/types'

export type Level = LabSummary['level']
export const levels: Level[] = ['beginner', 'intermediate', 'advanced']

/** What the catalogue shows; it lives in the address. */
export interface LabFilter {
  q?: string
  tag?: string
  level?: Level
  sort?: LabSort
}

export const labSorts = ['title', '-created'] as const
export type LabSort = (typeof labSorts)[number]

/** The address may hold more than a filter, such as the organisation that somebody signed in to: lists refuse what they do not know. */
export function readLabs({ q, tag, level, sort }: LabFilter, cursor: string | undefined, signal: AbortSignal) {
  return ok(api.GET('/v1/labs', { params: { query: { q, tag, level, sort, limit: 48, cursor } }, signal }))
}

export function labQuery(slug: string) {
  return queryOptions({
    queryKey: ['lab', slug],
    queryFn: ({ signal }) => ok(api.GET('/v1/labs/{slug}', { params: { path: { slug } }, signal })),
  })
}
