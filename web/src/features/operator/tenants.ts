import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'
import type { MailMessage, SortOf, Tenant } from '@/lib/api/types'
import { saveAnswer } from '@/lib/download'
import type { LimitName } from '@/lib/limits'

export interface TenantFilter {
  q?: string
  status?: Tenant['status']
  placement?: Tenant['placement']
}

export const statuses: Tenant['status'][] = ['provisioning', 'active', 'suspended', 'offboarding', 'purged']

interface TenantsAsk extends TenantFilter {
  sort: SortOf<'/v1/operator/tenants'>
  cursor: string | undefined
}

export function readTenants({ q, status, placement, sort, cursor }: TenantsAsk, signal: AbortSignal) {
  return ok(api.GET('/v1/operator/tenants', { params: { query: { q, status, placement, sort, cursor } }, signal }))
}

export function tenantQuery(id: string) {
  return queryOptions({
    queryKey: ['operator', 'tenant', id],
    queryFn: ({ signal }) => ok(api.GET('/v1/operator/tenants/{id}', { params: { path: { id } }, signal })),
  })
}

export function workflowsQuery(tenant: string) {
  return queryOptions({
    queryKey: ['operator', 'workflows', tenant],
    queryFn: ({ signal }) => ok(api.GET('/v1/operator/workflows', { params: { query: { tenant, limit: 20 } }, signal })),
  })
}

export function workflowQuery(id: string) {
  return queryOptions({
    queryKey: ['operator', 'workflow', id],
    queryFn: ({ signal }) => ok(api.GET('/v1/operator/workflows/{id}', { params: { path: { id } }, signal })),
  })
}

export function proofQuery(id: string) {
  return queryOptions({
    queryKey: ['operator', 'proof', id],
    queryFn: ({ signal }) => ok(api.GET('/v1/operator/tenants/{id}/proof', { params: { path: { id } }, signal })),
  })
}

export function tiersQuery() {
  return queryOptions({
    queryKey: ['operator', 'tiers'],
    queryFn: ({ signal }) => ok(api.GET('/v1/operator/tiers', { signal })),
  })
}

/** In the order in which operators gave them, or sorted. */
export function readTiers(sort: SortOf<'/v1/operator/tiers'>, cursor: string | undefined, signal: AbortSignal) {
  return ok(api.GET('/v1/operator/tiers', { params: { query: { sort, cursor } }, signal }))
}

export function readUpgrades(cursor: string | undefined, signal: AbortSignal) {
  return ok(api.GET('/v1/operator/upgrades', { params: { query: { cursor } }, signal }))
}

interface MailAsk {
  state: MailMessage['state'] | undefined
  sort: SortOf<'/v1/operator/mail'>
  cursor: string | undefined
}

export function readMail(query: MailAsk, signal: AbortSignal) {
  return ok(api.GET('/v1/operator/mail', { params: { query }, signal }))
}

export function messageQuery(id: string) {
  return queryOptions({
    queryKey: ['operator', 'mail', id],
    queryFn: ({ signal }) => ok(api.GET('/v1/operator/mail/{id}', { params: { path: { id } }, signal })),
  })
}

/** What operators do to a tenant; each starts a workflow. */
export type Change =
  | { do: 'suspend'; reason: string }
  | { do: 'resume' }
  | { do: 'tier'; tier: string }
  | { do: 'move'; placement: Tenant['placement'] }
  | { do: 'offboard'; name: string; reason: string; graceDays: number }

function send(id: string, change: Change) {
  const params = { path: { id } }
  switch (change.do) {
    case 'suspend':
      return api.POST('/v1/operator/tenants/{id}/suspend', { params, body: { reason: change.reason } })
    case 'resume':
      return api.POST('/v1/operator/tenants/{id}/resume', { params, body: {} })
    case 'tier':
      return api.POST('/v1/operator/tenants/{id}/tier', { params, body: { tier: change.tier } })
    case 'move':
      return api.POST('/v1/operator/tenants/{id}/move', { params, body: { placement: change.placement } })
    case 'offboard':
      return api.POST('/v1/operator/tenants/{id}/offboard', {
        params,
        body: { name: change.name, reason: change.reason, graceDays: change.graceDays },
      })
  }
}

export function useChange(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (change: Change) => ok(send(id, change)),
    onSuccess: (workflow) => {
      client.setQueryData(workflowQuery(workflow.id).queryKey, workflow)
      return client.invalidateQueries({ queryKey: ['operator'] })
    },
  })
}

export function useWorkflowAction(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (action: 'resume' | 'cancel') =>
      ok(
        action === 'resume'
          ? api.POST('/v1/operator/workflows/{id}/resume', { params: { path: { id } } })
          : api.POST('/v1/operator/workflows/{id}/cancel', { params: { path: { id } } }),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: ['operator'] }),
  })
}

export function useRetryUpgrade() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (tenant: string) => ok(api.POST('/v1/operator/upgrades/{tenant}/retry', { params: { path: { tenant } } })),
    onSettled: () => client.invalidateQueries({ queryKey: ['operator', 'upgrades'] }),
  })
}

export function useRetryMail() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => ok(api.POST('/v1/operator/mail/{id}/retry', { params: { path: { id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: ['operator', 'mail'] }),
  })
}

/** Every limit of an organisation: its tier's, and its own in place of it. */
export function limitsQuery(id: string) {
  return queryOptions({
    queryKey: ['operator', 'limits', id],
    queryFn: ({ signal }) => ok(api.GET('/v1/operator/tenants/{id}/limits', { params: { path: { id } }, signal })),
  })
}

export function usageQuery(id: string) {
  return queryOptions({
    queryKey: ['operator', 'usage', id],
    queryFn: ({ signal }) => ok(api.GET('/v1/operator/tenants/{id}/usage', { params: { path: { id } }, signal })),
  })
}

interface OwnLimit {
  limit: LimitName
  /** Undefined takes the tenant's own back. */
  value?: number
  reason?: string
}

export function useSetLimit(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ limit, value, reason }: OwnLimit) => {
      const params = { path: { id, limit } }
      if (value === undefined) return ok(api.DELETE('/v1/operator/tenants/{id}/limits/{limit}', { params }))
      return ok(api.PUT('/v1/operator/tenants/{id}/limits/{limit}', { params, body: { value, reason } }))
    },
    onSettled: () => client.invalidateQueries({ queryKey: limitsQuery(id).queryKey }),
  })
}

/** Invites an owner to an organisation that has none. */
export function useInviteOwner(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (body: { email: string; reason: string }) => ok(api.POST('/v1/operator/tenants/{id}/owner', { params: { path: { id } }, body })),
    onSettled: () => client.invalidateQueries({ queryKey: ['operator', 'audit', id] }),
  })
}

/** Until when the operator may look inside. */
export function entryQuery(id: string) {
  return queryOptions({
    queryKey: ['operator', 'entry', id],
    queryFn: ({ signal }) => ok(api.GET('/v1/operator/tenants/{id}/enter', { params: { path: { id } }, signal })),
  })
}

export function useEnter(id: string) {
  const client = useQueryClient()
  const onSettled = () => Promise.all([client.invalidateQueries({ queryKey: entryQuery(id).queryKey }), client.invalidateQueries({ queryKey: ['operator', 'audit', id] })])
  const params = { path: { id } }
  const enter = useMutation({ mutationFn: (reason: string) => ok(api.POST('/v1/operator/tenants/{id}/enter', { params, body: { reason } })), onSettled })
  const leave = useMutation({ mutationFn: () => ok(api.DELETE('/v1/operator/tenants/{id}/enter', { params })), onSettled })
  return { enter, leave }
}

export function readTenantAudit(id: string, cursor: string | undefined, signal: AbortSignal) {
  return ok(api.GET('/v1/operator/tenants/{id}/audit', { params: { path: { id }, query: { cursor, limit: 20 } }, signal }))
}

export function tenantExportsQuery(tenant: string) {
  return queryOptions({
    queryKey: ['operator', 'exports', tenant],
    queryFn: ({ signal }) => ok(api.GET('/v1/operator/tenants/{tenant}/exports', { params: { path: { tenant } }, signal })),
    refetchInterval: ({ state }) => (state.data?.items.some(({ state: how }) => how === 'pending') ? 1000 : false),
  })
}

export function useRequestExport(tenant: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (reason: string) => ok(api.POST('/v1/operator/tenants/{tenant}/exports', { params: { path: { tenant } }, body: { reason } })),
    onSettled: () => client.invalidateQueries({ queryKey: ['operator'] }),
  })
}

export function saveExport(tenant: string, id: string): Promise<void> {
  return saveAnswer(`/v1/operator/tenants/${tenant}/exports/${id}/archive`, `export-${id}.tar.gz`)
}
