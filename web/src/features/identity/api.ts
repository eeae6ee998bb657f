import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'
import { rememberTenant } from '@/lib/auth'
import { wear } from '@/lib/brand'

export function meQuery() {
  return queryOptions({
    queryKey: ['me'],
    queryFn: async ({ signal }) => {
      const me = await ok(api.GET('/v1/me', { signal }))
      rememberTenant(me.tenant.name)
      wear(me.branding)
      return me
    },
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

export function factorsQuery() {
  return queryOptions({ queryKey: ['me', 'factors'], queryFn: ({ signal }) => ok(api.GET('/v1/me/factors', { signal })) })
}

export function useRemoveFactor() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => ok(api.DELETE('/v1/me/factors/{id}', { params: { path: { id } } })),
    onSettled: () => client.invalidateQueries(factorsQuery()),
  })
}

export function devicesQuery() {
  return queryOptions({ queryKey: ['me', 'sessions'], queryFn: ({ signal }) => ok(api.GET('/v1/me/sessions', { signal })) })
}

export function useEndDevice() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => ok(api.DELETE('/v1/me/sessions/{id}', { params: { path: { id } } })),
    onSettled: () => client.invalidateQueries(devicesQuery()),
  })
}

export function useEndDevices() {
  return useMutation({ mutationFn: () => ok(api.DELETE('/v1/me/sessions', { params: { query: { here: true } } })) })
}
