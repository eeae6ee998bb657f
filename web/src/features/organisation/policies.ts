import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'
import { problemOf } from '@/lib/api/problem'
import type { SortOf } from '@/lib/api/types'

export interface PolicyFields {
  title: string
  text: string
  enabled: boolean
}

export function policiesQuery() {
  return queryOptions({ queryKey: ['organisation', 'policies'], queryFn: ({ signal }) => ok(api.GET('/v1/policies', { signal })) })
}

export function readPolicies(sort: SortOf<'/v1/policies'>, cursor: string | undefined, signal: AbortSignal) {
  return ok(api.GET('/v1/policies', { params: { query: { sort, cursor } }, signal }))
}

/** A policy with its version, without which it is not changed. */
export function policyQuery(id: string) {
  return queryOptions({
    queryKey: ['organisation', 'policy', id],
    queryFn: async ({ signal }) => {
      const { data, error, response } = await api.GET('/v1/policies/{id}', { params: { path: { id } }, signal })
      if (!data) throw problemOf(response, error)
      return { ...data, etag: response.headers.get('ETag') ?? '' }
    },
    staleTime: 0,
  })
}

export function versionsQuery(id: string) {
  return queryOptions({
    queryKey: ['organisation', 'policy', id, 'versions'],
    queryFn: ({ signal }) => ok(api.GET('/v1/policies/{id}/versions', { params: { path: { id } }, signal })),
    staleTime: 0,
  })
}

/** What is wrong with a text, line by line. */
export function checkQuery(text: string) {
  return queryOptions({
    queryKey: ['organisation', 'policy-check', text],
    queryFn: ({ signal }) => ok(api.POST('/v1/policies/check', { body: { text }, signal })),
    enabled: text.trim() !== '',
    placeholderData: (before) => before,
  })
}

export function usePolicies() {
  const client = useQueryClient()
  const onSettled = () => client.invalidateQueries({ queryKey: ['organisation'] })
  const save = useMutation({
    mutationFn: ({ id, etag, fields }: { id?: string; etag?: string; fields: PolicyFields }) =>
      id
        ? ok(api.PUT('/v1/policies/{id}', { params: { path: { id }, header: { 'If-Match': etag } }, body: fields }))
        : ok(api.POST('/v1/policies', { body: fields })),
    onSettled,
  })
  const remove = useMutation({ mutationFn: (id: string) => ok(api.DELETE('/v1/policies/{id}', { params: { path: { id } } })), onSettled })
  const restore = useMutation({
    mutationFn: ({ id, version }: { id: string; version: number }) =>
      ok(api.POST('/v1/policies/{id}/restore', { params: { path: { id } }, body: { version } })),
    onSettled,
  })
  return { save, remove, restore }
}

export type Kind = 'Tenant' | 'Lab' | 'Session' | 'Group' | 'Member'

export interface Question {
  user: string
  action: string
  kind: Kind
  about?: string
  at?: string
  draft?: { replaces?: string; title: string; text: string }
}

export function useSimulator() {
  return useMutation({ mutationFn: (body: Question) => ok(api.POST('/v1/policies/simulate', { body })) })
}

/** What a session of the simulator's list is called by. */
export function sessionsQuery() {
  return queryOptions({
    queryKey: ['organisation', 'policy-sessions'],
    queryFn: ({ signal }) => ok(api.GET('/v1/sessions', { params: { query: { scope: 'all', state: 'any', limit: 50 } }, signal })),
  })
}

export type Template = 'empty' | 'interns' | 'instructors' | 'hours' | 'hidden'

const someGroup = 'the-id-of-a-group'

/** The common cases. A template about a group begins with the first one that there is. */
export function template(kind: Template, group?: { id: string; name: string }): string {
  const who = `principal in Group::"${group?.id ?? someGroup}"`
  const named = group ? `// ${group.name}\n` : ''
  switch (kind) {
    case 'interns':
      return `${named}forbid (\n  ${who},\n  action == Action::"session.start",\n  resource is Lab\n)\nunless {\n  resource.tags.contains("intro") && context.weekday <= 5\n};\n`
    case 'instructors':
      return 'forbid (\n  principal in Role::"instructor",\n  action == Action::"session.see-all",\n  resource is Session\n)\nunless {\n  resource.owner in principal.groups || resource.owner == principal\n};\n'
    case 'hours':
      return '// Times are UTC.\nforbid (\n  principal in Role::"learner",\n  action == Action::"session.start",\n  resource is Lab\n)\nunless {\n  context.weekday <= 5 && context.hour >= 7 && context.hour < 18\n};\n'
    case 'hidden':
      return `${named}forbid (\n  ${who},\n  action in [Action::"lab.read", Action::"session.start"],\n  resource is Lab\n)\nwhen {\n  resource.tags.contains("advanced")\n};\n`
    case 'empty':
      return 'forbid (\n  principal,\n  action == Action::"session.start",\n  resource is Lab\n)\nwhen {\n  resource.slug == "the-lab"\n};\n'
  }
}

export interface DiffLine {
  kind: 'same' | 'gone' | 'new'
  text: string
}

/** How one text became another, line by line. */
export function difference(before: string, after: string): DiffLine[] {
  const a = before.split('\n')
  const b = after.split('\n')
  // common[i][j] is how many lines a from i and b from j have in common, in order.
  const common = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0))
  const at = (i: number, j: number) => common[i]?.[j] ?? 0
  for (let i = a.length - 1; i >= 0; i--) {
    const row = common[i]
    if (!row) continue
    for (let j = b.length - 1; j >= 0; j--) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  }
  const lines: DiffLine[] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: 'same', text: a[i] ?? '' })
      i++
      j++
    } else if (i < a.length && (j >= b.length || at(i + 1, j) >= at(i, j + 1))) lines.push({ kind: 'gone', text: a[i++] ?? '' })
    else lines.push({ kind: 'new', text: b[j++] ?? '' })
  }
  return lines
}
