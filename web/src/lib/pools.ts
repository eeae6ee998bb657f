import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'
import { problemOf } from '@/lib/api/problem'
import type { OwnPool, SortOf } from '@/lib/api/types'

/** Whose pool: the organisation's own, or one that an operator names. */
export type Which = { own: true } | { own: false; name: string }

export const modes = ['off', 'optional', 'required', 'required_for'] as const
export const rules = ['open', 'invitation', 'domains'] as const
export const roles = ['owner', 'admin', 'author', 'instructor', 'learner', 'operator'] as const

export type Mode = (typeof modes)[number]
export type Rule = (typeof rules)[number]
export type PoolRole = (typeof roles)[number]

/** All rules of a pool, as they are now. */
export interface PoolRules {
  pool: Omit<OwnPool, 'shared'>
  shared: boolean
  version: string
  mode: Mode
  roles: PoolRole[]
}

const keyOf = (which: Which) => ['pools', which.own ? 'own' : which.name] as const
const named = (name: string) => ({ params: { path: { pool: name } } })

async function rulesOf(which: Which, signal: AbortSignal): Promise<PoolRules> {
  const pool = which.own ? await api.GET('/v1/sign-in-settings/pool', { signal }) : await api.GET('/v1/operator/pools/{pool}', { ...named(which.name), signal })
  if (!pool.data) throw problemOf(pool.response, pool.error)
  const second = which.own ? await ok(api.GET('/v1/sign-in-settings', { signal })) : await ok(api.GET('/v1/operator/pools/{pool}/factors', { ...named(which.name), signal }))
  return {
    pool: pool.data,
    shared: which.own && second.shared,
    version: pool.response.headers.get('ETag') ?? '',
    mode: second.mfa.mode,
    roles: second.mfa.roles,
  }
}

export function rulesQuery(which: Which) {
  return queryOptions({ queryKey: [...keyOf(which), 'rules'], queryFn: ({ signal }) => rulesOf(which, signal), staleTime: 0 })
}

export function keysQuery(which: Which) {
  return queryOptions({
    queryKey: [...keyOf(which), 'keys'],
    queryFn: ({ signal }) => ok(which.own ? api.GET('/v1/sign-in-settings/keys', { signal }) : api.GET('/v1/operator/pools/{pool}/keys', { ...named(which.name), signal })),
  })
}

export function peopleQuery(which: Which) {
  return queryOptions({
    queryKey: [...keyOf(which), 'people'],
    queryFn: ({ signal }) => ok(which.own ? api.GET('/v1/sign-in-settings/people', { signal }) : api.GET('/v1/operator/pools/{pool}/people', { ...named(which.name), signal })),
  })
}

interface PoolsAsk {
  q: string | undefined
  sort: SortOf<'/v1/operator/pools'>
  cursor: string | undefined
}

export function readPools(query: PoolsAsk, signal: AbortSignal) {
  return ok(api.GET('/v1/operator/pools', { params: { query }, signal }))
}

/** What is typed. Empty numbers are the program's own. */
export interface PoolDraft {
  passwordMin: string | number
  mode: Mode
  roles: PoolRole[]
  signUp: Rule
  domains: string
  accessMinutes: string | number
  refreshIdleHours: string | number
  refreshHours: string | number
}

export function draftOf({ pool, mode, roles: chosen }: PoolRules): PoolDraft {
  return {
    passwordMin: pool.passwordMin ?? '',
    mode,
    roles: chosen,
    signUp: pool.signUp,
    domains: (pool.domains ?? []).join('\n'),
    accessMinutes: pool.accessMinutes ?? '',
    refreshIdleHours: pool.refreshIdleHours ?? '',
    refreshHours: pool.refreshHours ?? '',
  }
}

export const domainsOf = (draft: PoolDraft) => (draft.signUp === 'domains' ? draft.domains.split(/[\s,]+/).filter(Boolean) : [])
const numberOf = (typed: string | number) => (typed === '' ? undefined : Number(typed))

function settingsOf(draft: PoolDraft) {
  return {
    passwordMin: numberOf(draft.passwordMin),
    signUp: draft.signUp,
    domains: draft.signUp === 'domains' ? domainsOf(draft) : undefined,
    accessMinutes: numberOf(draft.accessMinutes),
    refreshIdleHours: numberOf(draft.refreshIdleHours),
    refreshHours: numberOf(draft.refreshHours),
  }
}

const secondOf = (draft: PoolDraft) => ({ mode: draft.mode, roles: draft.mode === 'required_for' ? draft.roles : [] })
export const settingsChanged = (a: PoolDraft, b: PoolDraft) => JSON.stringify(settingsOf(a)) !== JSON.stringify(settingsOf(b))
export const secondChanged = (a: PoolDraft, b: PoolDraft) => JSON.stringify(secondOf(a)) !== JSON.stringify(secondOf(b))

export function usePool(which: Which) {
  const client = useQueryClient()
  const onSettled = () => client.invalidateQueries({ queryKey: ['pools'] })
  const save = useMutation({
    mutationFn: async ({ before, draft, version }: { before: PoolDraft; draft: PoolDraft; version: string }) => {
      if (settingsChanged(before, draft)) {
        const header = { 'If-Match': version }
        const body = settingsOf(draft)
        await ok(
          which.own
            ? api.PUT('/v1/sign-in-settings/pool', { params: { header }, body })
            : api.PUT('/v1/operator/pools/{pool}', { params: { header, path: { pool: which.name } }, body }),
        )
      }
      if (secondChanged(before, draft)) {
        const body = secondOf(draft)
        await ok(which.own ? api.PUT('/v1/sign-in-settings', { body }) : api.PUT('/v1/operator/pools/{pool}/factors', { ...named(which.name), body }))
      }
    },
    onSettled,
  })
  const rotate = useMutation({
    mutationFn: () => ok(which.own ? api.POST('/v1/sign-in-settings/keys/rotate', {}) : api.POST('/v1/operator/pools/{pool}/keys/rotate', named(which.name))),
    onSettled,
  })
  return { save, rotate }
}
