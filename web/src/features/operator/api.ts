import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import type { TFunction } from 'i18next'
import type { AuditSource } from '@/components/audit/source'
import { api, ok } from '@/lib/api/client'

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

export function environmentsQuery() {
  return queryOptions({
    queryKey: ['operator', 'environments'],
    queryFn: ({ signal }) => ok(api.GET('/v1/operator/environments', { signal })),
    refetchInterval: 5000,
  })
}

export function usersQuery(q: string | undefined) {
  return queryOptions({
    queryKey: ['operator', 'users', q ?? ''],
    queryFn: ({ signal }) => ok(api.GET('/v1/operator/users', { params: { query: { q } }, signal })),
    placeholderData: (before) => before,
  })
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
