import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'
import { problemOf } from '@/lib/api/problem'
import type { Tier } from '@/lib/api/types'
import type { TierBody } from './tierForm'
import { tiersQuery } from './tenants'

/** One tier with its version, which goes back with a change so that nobody else's is lost. */
export interface VersionedTier {
  tier: Tier
  version: string
}

export function tierQuery(name: string) {
  return queryOptions({
    queryKey: ['operator', 'tier', name],
    queryFn: async ({ signal }): Promise<VersionedTier> => {
      const answer = await api.GET('/v1/operator/tiers/{name}', { params: { path: { name } }, signal })
      if (!answer.data) throw problemOf(answer.response, answer.error)
      return { tier: await ok(Promise.resolve(answer)), version: answer.response.headers.get('ETag') ?? '' }
    },
    staleTime: 0,
    gcTime: 0, // what is edited is always as it is now
  })
}

export function useTiers() {
  const client = useQueryClient()
  const onSuccess = () => client.invalidateQueries({ queryKey: tiersQuery().queryKey })
  const add = useMutation({
    mutationFn: ({ name, body }: { name: string; body: TierBody }) => ok(api.POST('/v1/operator/tiers/{name}', { params: { path: { name } }, body })),
    onSuccess,
  })
  const change = useMutation({
    mutationFn: ({ name, version, body }: { name: string; version: string; body: TierBody }) =>
      ok(api.PUT('/v1/operator/tiers/{name}', { params: { path: { name }, header: { 'If-Match': version } }, body })),
    onSuccess,
    onError: (_, { name }) => {
      void client.invalidateQueries({ queryKey: tierQuery(name).queryKey }) // it may be another's by now
      return onSuccess()
    },
  })
  const remove = useMutation({ mutationFn: (name: string) => ok(api.DELETE('/v1/operator/tiers/{name}', { params: { path: { name } } })), onSuccess })
  return { add, change, remove }
}
