import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { TFunction } from 'i18next'
import type { AuditSource } from '@/components/audit/source'
import { api, ok } from '@/lib/api/client'
import type { SortOf } from '@/lib/api/types'

/** What operators did to the installation. */
export function auditSource(t: TFunction): AuditSource {
  return {
    key: 'operator',
    label: t('audit.operators'),
    none: t('organisation.noAudit'),
    noneText: t('audit.operatorsNone'),
    list: (query, signal) => ok(api.GET('/v1/operator/audit', { params: { query }, signal })),
    seals: (signal) => ok(api.GET('/v1/operator/audit/seals', { signal })),
    verify: () => ok(api.POST('/v1/operator/audit/verify')),
    exportPath: '/v1/operator/audit/export',
    exportName: 'operators-log',
  }
}

export function readEnvironments(sort: SortOf<'/v1/operator/environments'>, cursor: string | undefined, signal: AbortSignal) {
  return ok(api.GET('/v1/operator/environments', { params: { query: { sort, cursor } }, signal }))
}

interface UsersAsk {
  q: string | undefined
  sort: SortOf<'/v1/operator/users'>
  cursor: string | undefined
}

export function readUsers(query: UsersAsk, signal: AbortSignal) {
  return ok(api.GET('/v1/operator/users', { params: { query }, signal }))
}

export function useResetPassword() {
  return useMutation({
    mutationFn: (id: string) => ok(api.POST('/v1/operator/users/{id}/password-reset', { params: { path: { id } } })),
  })
}

/** Shuts a person out of every organisation, or lets them in again. */
export function useDisableUser() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, disabled }: { id: string; disabled: boolean }) =>
      ok(
        disabled
          ? api.POST('/v1/operator/users/{id}/disable', { params: { path: { id } } })
          : api.POST('/v1/operator/users/{id}/enable', { params: { path: { id } } }),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: ['operator', 'users'] }),
  })
}
