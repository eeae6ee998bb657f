import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'
import { problemOf } from '@/lib/api/problem'
import type { Group, Invitation, Member } from '@/lib/api/types'
import type { Role } from './api'

/** A member with what disabling or removing them does. */
export function memberQuery(user: string) {
  return queryOptions({
    queryKey: ['organisation', 'member', user],
    queryFn: ({ signal }) => ok(api.GET('/v1/members/{user}', { params: { path: { user } }, signal })),
    staleTime: 0,
  })
}

export type InvitationState = Invitation['state']

export const invitationStates: InvitationState[] = ['open', 'expired', 'accepted', 'revoked']

export function readInvitations(state: InvitationState, cursor: string | undefined, signal: AbortSignal) {
  return ok(api.GET('/v1/invitations', { params: { query: { state, cursor } }, signal }))
}

function useRefresh() {
  const client = useQueryClient()
  return () => client.invalidateQueries({ queryKey: ['organisation'] })
}

export function useInvitations() {
  const onSettled = useRefresh()
  const invite = useMutation({
    mutationFn: (body: { email: string; role: Role; groups: string[] }) => ok(api.POST('/v1/invitations', { body })),
    onSettled,
  })
  const inviteMany = useMutation({
    mutationFn: (body: { csv: string; role: Role }) => ok(api.POST('/v1/invitations/bulk', { body })),
    onSettled,
  })
  const resend = useMutation({
    mutationFn: (id: string) => ok(api.POST('/v1/invitations/{id}/resend', { params: { path: { id } } })),
    onSettled,
  })
  const revoke = useMutation({
    mutationFn: (id: string) => ok(api.DELETE('/v1/invitations/{id}', { params: { path: { id } } })),
    onSettled,
  })
  return { invite, inviteMany, resend, revoke }
}

export function useSetStatus() {
  const onSettled = useRefresh()
  return useMutation({
    mutationFn: ({ user, status }: { user: string; status: Member['status'] }) =>
      ok(api.PUT('/v1/members/{user}/status', { params: { path: { user } }, body: { status } })),
    onSettled,
  })
}

/** An organisation has at most 500 groups: three pages at the most. */
async function allGroups(signal: AbortSignal): Promise<Group[]> {
  const all: Group[] = []
  let cursor: string | undefined
  do {
    const page = await ok(api.GET('/v1/groups', { params: { query: { limit: 200, cursor } }, signal }))
    all.push(...page.items)
    cursor = page.next
  } while (cursor)
  return all
}

export function groupsQuery() {
  return queryOptions({ queryKey: ['organisation', 'groups'], queryFn: ({ signal }) => allGroups(signal) })
}

/** A group with its version, without which it is not changed. */
export function groupQuery(id: string) {
  return queryOptions({
    queryKey: ['organisation', 'group', id],
    queryFn: async ({ signal }) => {
      const { data, error, response } = await api.GET('/v1/groups/{id}', { params: { path: { id } }, signal })
      if (!data) throw problemOf(response, error)
      return { ...data, etag: response.headers.get('ETag') ?? '' }
    },
    staleTime: 0,
  })
}

export function useGroupMembers(id: string) {
  return useQuery({
    queryKey: ['organisation', 'group', id, 'members'],
    queryFn: ({ signal }) => ok(api.GET('/v1/groups/{id}/members', { params: { path: { id }, query: { limit: 200 } }, signal })),
  })
}

export function useGroupLabs(id: string) {
  return useQuery({
    queryKey: ['organisation', 'group', id, 'labs'],
    queryFn: ({ signal }) => ok(api.GET('/v1/groups/{id}/labs', { params: { path: { id } }, signal })),
  })
}

export function labsQuery(q: string) {
  return queryOptions({
    queryKey: ['organisation', 'labs', q],
    queryFn: ({ signal }) => ok(api.GET('/v1/labs', { params: { query: { q: q || undefined, limit: 50 } }, signal })),
    placeholderData: (before) => before,
  })
}

export interface GroupFields {
  name: string
  note?: string
  parent?: string
  maxSessions?: number
}

/** With an id and its version a group is changed, else one is added. */
export function useSaveGroup(id?: string, etag?: string) {
  const onSettled = useRefresh()
  return useMutation({
    mutationFn: (body: GroupFields) =>
      id
        ? ok(api.PUT('/v1/groups/{id}', { params: { path: { id }, header: { 'If-Match': etag } }, body }))
        : ok(api.POST('/v1/groups', { body })),
    onSettled,
  })
}

export function useGroup(id: string) {
  const onSettled = useRefresh()
  const remove = useMutation({ mutationFn: () => ok(api.DELETE('/v1/groups/{id}', { params: { path: { id } } })), onSettled })
  const person = useMutation({
    mutationFn: ({ user, member }: { user: string; member: boolean }) => {
      const params = { path: { id, user } }
      return member
        ? ok(api.PUT('/v1/groups/{id}/members/{user}', { params }))
        : ok(api.DELETE('/v1/groups/{id}/members/{user}', { params }))
    },
    onSettled,
  })
  const lab = useMutation({
    mutationFn: ({ slug, assigned }: { slug: string; assigned: boolean }) => {
      const params = { path: { id, slug } }
      return assigned ? ok(api.PUT('/v1/groups/{id}/labs/{slug}', { params })) : ok(api.DELETE('/v1/groups/{id}/labs/{slug}', { params }))
    },
    onSettled,
  })
  return { remove, person, lab }
}
