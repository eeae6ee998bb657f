import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'
import { problemOf } from '@/lib/api/problem'
import type { IdentityProvider } from '@/lib/api/types'
import type { Role } from './api'

export type GivenRole = Exclude<Role, 'owner'>

export const givenRoles: GivenRole[] = ['learner', 'instructor', 'author', 'admin']

/** What the form of a provider holds. */
export interface ProviderForm {
  name: string
  issuer: string
  clientId: string
  clientSecret: string
  scopes: string
  nameClaim: string
  roleClaim: string
  groupClaim: string
  roles: string
  groups: string
  defaultRole: GivenRole
  justInTime: boolean
  secondStep: boolean
  enabled: boolean
}

export function formOf(provider: IdentityProvider | undefined): ProviderForm {
  return {
    name: provider?.name ?? '',
    issuer: provider?.issuer ?? '',
    clientId: provider?.clientId ?? '',
    clientSecret: '',
    scopes: (provider?.scopes ?? ['openid', 'email', 'profile']).join(' '),
    nameClaim: provider?.nameClaim ?? 'name',
    roleClaim: provider?.roleClaim ?? '',
    groupClaim: provider?.groupClaim ?? '',
    roles: linesOf(provider?.roles),
    groups: linesOf(provider?.groups),
    defaultRole: (provider?.defaultRole ?? 'learner'),
    justInTime: provider?.justInTime ?? true,
    secondStep: provider?.secondStep ?? true,
    enabled: provider?.enabled ?? true,
  }
}

/** A mapping as people write it: one `value = name` a line. */
export function linesOf(map: Record<string, string> | undefined): string {
  return Object.entries(map ?? {})
    .map(([value, name]) => `${value} = ${name}`)
    .join('\n')
}

/** The mapping of such lines; the last = of a line counts, as values of claims may have some. */
export function mapOf(lines: string): Record<string, string> {
  const map: Record<string, string> = {}
  for (const line of lines.split('\n')) {
    const at = line.lastIndexOf('=')
    if (line.trim() !== '') map[(at < 0 ? line : line.slice(0, at)).trim()] = at < 0 ? '' : line.slice(at + 1).trim()
  }
  return map
}

function bodyOf(form: ProviderForm, secret: string | undefined) {
  return {
    ...form,
    clientSecret: secret,
    scopes: form.scopes.split(/\s+/).filter(Boolean),
    roles: mapOf(form.roles),
    groups: mapOf(form.groups),
  }
}

export function providersQuery() {
  return queryOptions({
    queryKey: ['organisation', 'providers'],
    queryFn: ({ signal }) => ok(api.GET('/v1/identity-providers', { signal })),
  })
}

/** The newest state of one provider, read again and again while somebody tests it in another tab. */
export function providerQuery(id: string, watch: boolean) {
  return queryOptions({
    queryKey: ['organisation', 'providers', id],
    queryFn: ({ signal }) => ok(api.GET('/v1/identity-providers/{id}', { params: { path: { id } }, signal })),
    refetchInterval: watch ? 1500 : false,
  })
}

/** A provider as it is now with its version, without which it is not changed. */
export function editedProviderQuery(id: string) {
  return queryOptions({
    queryKey: ['organisation', 'providers', id, 'edited'],
    queryFn: async ({ signal }) => {
      const { data, error, response } = await api.GET('/v1/identity-providers/{id}', { params: { path: { id } }, signal })
      if (!data) throw problemOf(response, error)
      return { draft: formOf(data), version: response.headers.get('ETag') ?? '' }
    },
    staleTime: 0,
    gcTime: 0,
  })
}

/** The ETag of a provider as it is now. */
async function etagOf(id: string): Promise<string> {
  const answer = await api.GET('/v1/identity-providers/{id}', { params: { path: { id } } })
  await ok(Promise.resolve(answer))
  return answer.response.headers.get('ETag') ?? ''
}

export function useProviders() {
  const client = useQueryClient()
  const onSettled = () => client.invalidateQueries({ queryKey: ['organisation', 'providers'] })
  const add = useMutation({
    mutationFn: (form: ProviderForm) => ok(api.POST('/v1/identity-providers', { body: bodyOf(form, form.clientSecret) })),
    onSettled,
  })
  const change = useMutation({
    mutationFn: ({ id, etag, form }: { id: string; etag: string; form: ProviderForm }) =>
      ok(
        api.PUT('/v1/identity-providers/{id}', {
          params: { path: { id }, header: { 'If-Match': etag } },
          body: bodyOf(form, form.clientSecret === '' ? undefined : form.clientSecret),
        }),
      ),
    onSettled,
  })
  const remove = useMutation({
    mutationFn: async (id: string) =>
      ok(api.DELETE('/v1/identity-providers/{id}', { params: { path: { id }, header: { 'If-Match': await etagOf(id) } } })),
    onSettled,
  })
  const rule = useMutation({
    mutationFn: ({ onlyThrough, etag }: { onlyThrough: boolean; etag: string }) =>
      ok(api.PUT('/v1/sign-in-rule', { params: { header: { 'If-Match': etag } }, body: { onlyThrough } })),
    onSettled,
  })
  return { add, change, remove, rule }
}

export function testProvider(id: string) {
  return ok(api.POST('/v1/identity-providers/{id}/test', { params: { path: { id } } }))
}

export function testSignIn(id: string) {
  return ok(api.POST('/v1/identity-providers/{id}/test-sign-in', { params: { path: { id } } }))
}
