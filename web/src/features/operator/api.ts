import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'

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
