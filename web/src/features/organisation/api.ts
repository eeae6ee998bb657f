import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import type { TFunction } from 'i18next'
import type { AuditSource } from '@/components/audit/source'
import { api, ok } from '@/lib/api/client'
import type { Invitation, Member, SortOf, Usage, Workflow } from '@/lib/api/types'
import { saveAnswer } from '@/lib/download'

export type Role = Member['role']

export const roles: Role[] = ['owner', 'admin', 'author', 'instructor', 'learner']

export function planQuery() {
  return queryOptions({ queryKey: ['organisation', 'plan'], queryFn: ({ signal }) => ok(api.GET('/v1/tenant/plan', { signal })) })
}

export function usageQuery() {
  return queryOptions({ queryKey: ['organisation', 'usage'], queryFn: ({ signal }) => ok(api.GET('/v1/tenant/usage', { signal })) })
}

export function useProgramLimits() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ program, limits }: { program: string; limits: NonNullable<Usage['programs'][number]['limits']> }) =>
      ok(api.PUT('/v1/tenant/usage/programs/{program}', { params: { path: { program } }, body: limits })),
    onSettled: () => client.invalidateQueries({ queryKey: usageQuery().queryKey }),
  })
}

/** Which people and invitations are shown; it is part of the page's address. */
export interface PeopleFilter {
  q?: string
  role?: Role
  invited?: Invitation['state']
}

interface MembersAsk extends Pick<PeopleFilter, 'q' | 'role'> {
  sort?: SortOf<'/v1/members'>
  cursor?: string
}

export function readMembers(query: MembersAsk, signal: AbortSignal) {
  return ok(api.GET('/v1/members', { params: { query }, signal }))
}

/** The members whose name or address begins so, for a field to choose one. */
export function foundMembersQuery(q: string) {
  return queryOptions({
    queryKey: ['organisation', 'members', 'found', q],
    queryFn: ({ signal }) => readMembers({ q: q || undefined }, signal),
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

/** The organisation's own log; operators who looked inside and what was denied are in it, too. */
export function auditSource(t: TFunction): AuditSource {
  return {
    key: 'organisation',
    label: t('organisation.audit'),
    none: t('organisation.noAudit'),
    noneText: t('organisation.noAuditText'),
    list: (query, signal) => ok(api.GET('/v1/tenant/audit', { params: { query }, signal })),
    seals: (signal) => ok(api.GET('/v1/tenant/audit/seals', { signal })),
    verify: () => ok(api.POST('/v1/tenant/audit/verify')),
    exportPath: '/v1/tenant/audit/export',
    exportName: 'audit',
  }
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

/** What closes an organisation, among its changes. */
export const kindClose = 'tenant.offboard'

/** The owner's tenant cannot be named: it is the one that they are signed in to. */
export function changesQuery() {
  return queryOptions({ queryKey: ['organisation', 'changes'], queryFn: ({ signal }) => ok(api.GET('/v1/tenant/workflows', { signal })) })
}

export function changeQuery(id: string) {
  return queryOptions({
    queryKey: ['organisation', 'change', id],
    queryFn: ({ signal }) => ok(api.GET('/v1/tenant/workflows/{id}', { params: { path: { id } }, signal })),
    retry: false,
  })
}

/** The plans that are offered. */
export function tiersQuery() {
  return queryOptions({ queryKey: ['tiers'], queryFn: ({ signal }) => ok(api.GET('/v1/tiers', { signal })) })
}

/** What owners do to the whole organisation. Each starts a workflow. */
export function useOwnChanges() {
  const client = useQueryClient()
  const onSuccess = (workflow: Workflow) => {
    client.setQueryData(changeQuery(workflow.id).queryKey, workflow)
    client.setQueryData(changesQuery().queryKey, (before) => before && { ...before, items: [workflow, ...before.items.filter(({ id }) => id !== workflow.id)] })
  }
  const close = useMutation({
    mutationFn: (body: { name: string; password: string; reason?: string }) => ok(api.POST('/v1/tenant/offboard', { body })),
    onSuccess,
  })
  const reopen = useMutation({ mutationFn: () => ok(api.POST('/v1/tenant/offboard/cancel')), onSuccess })
  const tier = useMutation({ mutationFn: (name: string) => ok(api.POST('/v1/tenant/tier', { body: { tier: name } })), onSuccess })
  return { close, reopen, tier }
}

export function saveExport(id: string): Promise<void> {
  return saveAnswer(`/v1/tenant/exports/${id}/archive`, `export-${id}.tar.gz`)
}
