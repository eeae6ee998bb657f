import { queryOptions, useMutation } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'
import { problemOf, unreachable } from '@/lib/api/problem'
import type { InvitationOffer } from '@/lib/api/types'

/** Nobody need be signed in here: requests carry the token from the mail alone. */
async function post<T>(path: string, body: unknown): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  } catch {
    throw unreachable()
  }
  const answer: unknown = await response.json().catch(() => null)
  if (!response.ok) throw problemOf(response, answer)
  return answer as T
}

export function offerQuery(token: string) {
  return queryOptions({
    queryKey: ['invitation', token],
    queryFn: () => post<InvitationOffer>('/v1/invitations/look', { token }),
    enabled: token !== '',
    retry: false,
    refetchOnWindowFocus: false,
  })
}

export function useEnter(token: string) {
  return useMutation({ mutationFn: (name: string) => post<{ link: string }>('/v1/invitations/enter', { token, name }) })
}

export function useAccept(token: string) {
  return useMutation({ mutationFn: () => ok(api.POST('/v1/invitations/accept', { body: { token } })) })
}
