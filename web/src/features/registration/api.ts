import { queryOptions, useMutation } from '@tanstack/react-query'
import { problemOf, unreachable } from '@/lib/api/problem'
import type { Registration, Tier } from '@/lib/api/types'

export interface Wish {
  title: string
  name: string
  email: string
  adminName: string
  tier: string
}

/** Nobody is signed in here: requests carry no token of ours, only the one from the mail. */
async function send<T>(path: string, init?: RequestInit): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, init)
  } catch {
    throw unreachable()
  }
  const body: unknown = await response.json().catch(() => null)
  if (!response.ok) throw problemOf(response, body)
  return body as T
}

function post<T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<T> {
  return send<T>(path, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) })
}

export function tiersQuery() {
  return queryOptions({ queryKey: ['tiers'], queryFn: () => send<{ items: Tier[] }>('/v1/tiers') })
}

interface Name {
  name: string
  free: boolean
  problem?: string
}

export function nameQuery(name: string) {
  return queryOptions({
    queryKey: ['registration', 'name', name],
    queryFn: () => send<Name>(`/v1/registrations/names?name=${encodeURIComponent(name)}`),
    enabled: name.length >= 3,
    placeholderData: (before) => before,
  })
}

export function useRegister(key: string) {
  return useMutation({ mutationFn: (wish: Wish) => post<{ id: string }>('/v1/registrations', wish, { 'Idempotency-Key': key }) })
}

export function confirmRegistration(token: string): Promise<Registration> {
  return post<Registration>('/v1/registrations/confirm', { token })
}

/** The organisation's first API key, which is shown once. */
export function useFirstKey(token: string) {
  return useMutation({ mutationFn: () => post<{ secret: string }>('/v1/registrations/key', { token }) })
}

export function useEnter(token: string) {
  return useMutation({ mutationFn: () => post<{ link: string }>('/v1/registrations/enter', { token }) })
}
