import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, authorizedFetch, ok } from '@/lib/api/client'
import { problemOf } from '@/lib/api/problem'
import type { Member } from '@/lib/api/types'

export type Role = Member['role']

export const roles: Role[] = ['owner', 'admin', 'author', 'instructor', 'learner']

export function planQuery() {
  return queryOptions({ queryKey: ['organisation', 'plan'], queryFn: ({ signal }) => ok(api.GET('/v1/tenant/plan', { signal })) })
}

export function membersQuery(q: string, role: Role | undefined, cursor: string | undefined) {
  return queryOptions({
    queryKey: ['organisation', 'members', q, role ?? '', cursor ?? ''],
    queryFn: ({ signal }) => ok(api.GET('/v1/members', { params: { query: { q: q || undefined, role, cursor } }, signal })),
    placeholderData: (before) => before,
  })
}

export function useMembers() {
  const client = useQueryClient()
  const onSettled = () => client.invalidateQueries({ queryKey: ['organisation'] })
  const role = useMutation({
    mutationFn: (change: { user: string; role: Role }) =>
      ok(api.PATCH('/v1/members/{user}', { params: { path: { user: change.user } }, body: { role: change.role } })),
    onSettled,
  })
  const remove = useMutation({ mutationFn: (user: string) => ok(api.DELETE('/v1/members/{user}', { params: { path: { user } } })), onSettled })
  return { role, remove }
}

export function auditQuery(cursor: string | undefined) {
  return queryOptions({
    queryKey: ['organisation', 'audit', cursor ?? ''],
    queryFn: ({ signal }) => ok(api.GET('/v1/tenant/audit', { params: { query: { cursor } }, signal })),
    placeholderData: (before) => before,
  })
}

export function domainsQuery() {
  return queryOptions({ queryKey: ['organisation', 'domains'], queryFn: ({ signal }) => ok(api.GET('/v1/tenant/domains', { signal })) })
}

export function useDomains() {
  const client = useQueryClient()
  const onSettled = () => client.invalidateQueries({ queryKey: domainsQuery().queryKey })
  const add = useMutation({ mutationFn: (domain: string) => ok(api.POST('/v1/tenant/domains', { body: { domain } })), onSettled })
  const check = useMutation({
    mutationFn: (id: string) => ok(api.POST('/v1/tenant/domains/{id}/check', { params: { path: { id } } })),
    onSettled,
  })
  const remove = useMutation({ mutationFn: (id: string) => ok(api.DELETE('/v1/tenant/domains/{id}', { params: { path: { id } } })), onSettled })
  return { add, check, remove }
}

export function exportsQuery() {
  return queryOptions({
    queryKey: ['organisation', 'exports'],
    queryFn: ({ signal }) => ok(api.GET('/v1/tenant/exports', { signal })),
    refetchInterval: ({ state }) => (state.data?.items.some(({ state: how }) => how === 'pending') ? 1000 : false),
  })
}

export function useRequestExport() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: () => ok(api.POST('/v1/tenant/exports')),
    onSettled: () => client.invalidateQueries({ queryKey: ['organisation', 'exports'] }),
  })
}

/** Saves an archive: a link could not carry the token. */
export async function saveExport(id: string): Promise<void> {
  const response = await authorizedFetch(new Request(new URL(`/v1/tenant/exports/${id}/archive`, window.location.origin)))
  if (!response.ok) throw problemOf(response, await response.json().catch(() => null))
  const url = URL.createObjectURL(await response.blob())
  const link = document.createElement('a')
  link.href = url
  link.download = `export-${id}.tar.gz`
  link.click()
  URL.revokeObjectURL(url)
}
