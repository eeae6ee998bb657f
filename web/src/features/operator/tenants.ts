import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'
import type { Tenant, Workflow } from '@/lib/api/types'

export interface TenantFilter {
  q?: string
  status?: Tenant['status']
  placement?: Tenant['placement']
}

export const statuses: Tenant['status'][] = ['provisioning', 'active', 'suspended', 'offboarding', 'purged']

export function tenantsQuery(filter: TenantFilter, cursor?: string) {
  return queryOptions({
    queryKey: ['operator', 'tenants', filter, cursor ?? ''],
    queryFn: ({ signal }) => ok(api.GET('/v1/operator/tenants', { params: { query: { ...filter, cursor } }, signal })),
    placeholderData: (before) => before,
  })
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

export function upgradesQuery() {
  return queryOptions({
    queryKey: ['operator', 'upgrades'],
    queryFn: ({ signal }) => ok(api.GET('/v1/operator/upgrades', { signal })),
    refetchInterval: 5000,
  })
}

export function mailQuery() {
  return queryOptions({
    queryKey: ['operator', 'mail'],
    queryFn: ({ signal }) => ok(api.GET('/v1/operator/mail', { signal })),
    refetchInterval: 5000,
  })
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

/** Whether nothing more happens in a workflow by itself. */
export function isOver(workflow: Workflow): boolean {
  return workflow.endedAt !== undefined
}
