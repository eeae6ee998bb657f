import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'

export function meQuery() {
  return queryOptions({
    queryKey: ['me'],
    queryFn: ({ signal }) => ok(api.GET('/v1/me', { signal })),
    staleTime: 5 * 60_000,
  })
}

export function useRename() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (name: string) => ok(api.PATCH('/v1/me', { body: { name } })),
    onSuccess: (me) => client.setQueryData(meQuery().queryKey, me),
  })
}

export function useChangePassword() {
  return useMutation({
    mutationFn: (body: { current: string; new: string }) => ok(api.POST('/v1/me/password', { body })),
  })
}
