import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'
import type { ApiKey, MachineClient, Program } from '@/lib/api/types'

/** How long secrets can be good, in days. */
export const lives = [7, 30, 90, 180, 365]

/** How long an old secret can go on, in hours. */
export const overlaps = [0, 1, 24, 72]

/** The scopes as they are shown; one that is not here is for people alone. */
export const scopeGroups = [
  ['labs', ['lab.read', 'lab.write']],
  ['sessions', ['session.start', 'session.use', 'session.see-all']],
  ['people', ['member.read', 'group.read', 'group.write']],
  ['organisation', ['tenant.read', 'tenant.write', 'tenant.export']],
  ['access', ['key.read', 'machine.read', 'client.read', 'idp.read']],
] as const

export type Scope = (typeof scopeGroups)[number][1][number]

const shown: readonly string[] = scopeGroups.flatMap(([, scopes]) => scopes)

export function isScope(text: string): text is Scope {
  return shown.includes(text)
}

/** What can be read with each scope, for a first try. */
const firstPaths: Partial<Record<Scope, string>> = {
  'lab.read': '/v1/labs',
  'session.see-all': '/v1/sessions?scope=all',
  'session.use': '/v1/sessions',
  'session.start': '/v1/labs',
  'member.read': '/v1/members',
  'group.read': '/v1/groups',
  'group.write': '/v1/groups',
  'tenant.read': '/v1/tenant/plan',
  'tenant.export': '/v1/tenant/exports',
  'key.read': '/v1/api-keys',
  'machine.read': '/v1/machine-clients',
  'client.read': '/v1/oauth-clients',
  'idp.read': '/v1/identity-providers',
}

/** A call of the API with a key, to paste into a terminal. */
export function curlOf(secret: string, scopes: string[], origin = window.location.origin): string {
  const scope = scopes.filter(isScope).find((one) => firstPaths[one])
  return `curl -H 'Authorization: Bearer ${secret}' '${origin}${(scope && firstPaths[scope]) ?? '/v1/labs'}'`
}

export function keysQuery() {
  return queryOptions({ queryKey: ['organisation', 'keys'], queryFn: ({ signal }) => ok(api.GET('/v1/api-keys', { signal })) })
}

export interface KeyWish {
  name: string
  scopes: string[]
  machine?: string
  days: number
}

function useSettled(...keys: string[]) {
  const client = useQueryClient()
  return () => Promise.all(keys.map((key) => client.invalidateQueries({ queryKey: ['organisation', key] })))
}

const match = (version: number) => ({ 'If-Match': `"${String(version)}"` })

export function useKeys() {
  const onSettled = useSettled('keys')
  const add = useMutation({ mutationFn: (body: KeyWish) => ok(api.POST('/v1/api-keys', { body })), onSettled })
  const rename = useMutation({
    mutationFn: ({ key: { id, version }, name }: { key: ApiKey; name: string }) =>
      ok(api.PUT('/v1/api-keys/{id}', { params: { path: { id }, header: match(version) }, body: { name } })),
    onSettled,
  })
  const rotate = useMutation({
    mutationFn: ({ key: { id, version }, ...body }: { key: ApiKey; overlapHours: number; days: number }) =>
      ok(api.POST('/v1/api-keys/{id}/rotate', { params: { path: { id }, header: match(version) }, body })),
    onSettled,
  })
  const revoke = useMutation({ mutationFn: (id: string) => ok(api.DELETE('/v1/api-keys/{id}', { params: { path: { id } } })), onSettled })
  return { add, rename, rotate, revoke }
}

export function machinesQuery() {
  return queryOptions({ queryKey: ['organisation', 'machines'], queryFn: ({ signal }) => ok(api.GET('/v1/machine-clients', { signal })) })
}

export function useMachines() {
  const onSettled = useSettled('machines', 'keys')
  const add = useMutation({
    mutationFn: (body: { name: string; role: MachineClient['role']; days: number }) => ok(api.POST('/v1/machine-clients', { body })),
    onSettled,
  })
  const rotate = useMutation({
    mutationFn: ({ id, days }: { id: string; days: number }) =>
      ok(api.POST('/v1/machine-clients/{machine}/secret', { params: { path: { machine: id } }, body: { days } })),
    onSettled,
  })
  const remove = useMutation({
    mutationFn: (id: string) => ok(api.DELETE('/v1/machine-clients/{machine}', { params: { path: { machine: id } } })),
    onSettled,
  })
  return { add, rotate, remove }
}

export function programsQuery() {
  return queryOptions({ queryKey: ['organisation', 'programs'], queryFn: ({ signal }) => ok(api.GET('/v1/oauth-clients', { signal })) })
}

export interface ProgramWish {
  name: string
  redirectUris: string[]
  postLogoutRedirectUris: string[]
}

export function usePrograms() {
  const onSettled = useSettled('programs')
  const add = useMutation({
    mutationFn: (body: ProgramWish & { confidential: boolean }) => ok(api.POST('/v1/oauth-clients', { body })),
    onSettled,
  })
  const change = useMutation({
    mutationFn: ({ program: { id, version }, wish }: { program: Program; wish: ProgramWish }) =>
      ok(api.PUT('/v1/oauth-clients/{client}', { params: { path: { client: id }, header: match(version) }, body: wish })),
    onSettled,
  })
  const rotate = useMutation({
    mutationFn: (id: string) => ok(api.POST('/v1/oauth-clients/{client}/secret', { params: { path: { client: id } } })),
    onSettled,
  })
  const remove = useMutation({ mutationFn: (id: string) => ok(api.DELETE('/v1/oauth-clients/{client}', { params: { path: { client: id } } })), onSettled })
  return { add, change, rotate, remove }
}
