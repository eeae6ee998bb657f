import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'
import type { Session, SessionState } from '@/lib/api/types'

/** A session that has, or will have, an environment to work in. */
export function isAlive(state: SessionState): boolean {
  return isStarting(state) || state === 'ready'
}

export function isStarting(state: SessionState): state is 'requested' | 'admitted' | 'provisioning' {
  return state === 'requested' || state === 'admitted' || state === 'provisioning'
}

export function isOver(state: SessionState): boolean {
  return state === 'ending' || state === 'ended' || state === 'failed'
}

export function sessionQuery(id: string) {
  return queryOptions({
    queryKey: ['session', id],
    queryFn: ({ signal }) => ok(api.GET('/v1/sessions/{id}', { params: { path: { id } }, signal })),
    staleTime: Infinity, // its events keep it fresh
  })
}

export function guideQuery(id: string) {
  return queryOptions({
    queryKey: ['session', id, 'guide'],
    queryFn: ({ signal }) => ok(api.GET('/v1/sessions/{id}/guide', { params: { path: { id } }, signal })),
    staleTime: Infinity, // a lab version never changes
  })
}

export function envQuery(id: string, ready: boolean) {
  return queryOptions({
    queryKey: ['session', id, 'env'],
    queryFn: ({ signal }) => ok(api.GET('/v1/sessions/{id}/env', { params: { path: { id } }, signal })),
    enabled: ready,
    staleTime: Infinity,
  })
}

export function solutionQuery(id: string, step: number, enabled: boolean) {
  return queryOptions({
    queryKey: ['session', id, 'solution', step],
    queryFn: ({ signal }) => ok(api.GET('/v1/sessions/{id}/steps/{step}/solution', { params: { path: { id, step } }, signal })),
    enabled,
    staleTime: Infinity,
  })
}

interface Filter {
  scope?: 'mine' | 'all'
  state?: 'active' | 'ended'
  cursor?: string
}

export function sessionsQuery(filter: Filter) {
  return queryOptions({
    queryKey: ['sessions', filter],
    queryFn: ({ signal }) => ok(api.GET('/v1/sessions', { params: { query: { limit: 50, ...filter } }, signal })),
  })
}

/** The caller's running sessions, for the resume bar and the catalogue's badges. */
export function activeSessionsQuery() {
  return queryOptions({ ...sessionsQuery({ scope: 'mine', state: 'active' }), refetchInterval: 60_000 })
}

/** Starts a lab; when it runs already, that session is the answer. */
export function useStart() {
  const seen = useSeen()
  return useMutation({ mutationFn: (lab: string) => ok(api.POST('/v1/sessions', { body: { lab } })), onSuccess: seen })
}

export function useExtend(id: string) {
  const seen = useSeen()
  return useMutation({
    mutationFn: () => ok(api.POST('/v1/sessions/{id}/extend', { params: { path: { id } } })),
    onSuccess: seen,
  })
}

export function useEnd() {
  const seen = useSeen()
  return useMutation({
    mutationFn: (id: string) => ok(api.POST('/v1/sessions/{id}/end', { params: { path: { id } } })),
    onSuccess: seen,
  })
}

/** Ends the session and starts the lab again from its beginning. */
export function useRestart(id: string) {
  const seen = useSeen()
  return useMutation({
    mutationFn: () => ok(api.POST('/v1/sessions/{id}/restart', { params: { path: { id } } })),
    onSuccess: seen,
  })
}

/** Takes a session that the server sent into the cache; the lists that show it are asked for again. */
function useSeen() {
  const client = useQueryClient()
  return (session: Session) => {
    client.setQueryData(sessionQuery(session.id).queryKey, session)
    void client.invalidateQueries({ queryKey: ['sessions'] })
  }
}

export function useRunCheck(id: string) {
  const client = useQueryClient()
  const key = sessionQuery(id).queryKey
  return useMutation({
    mutationFn: ({ step, name }: { step: number; name: string }) =>
      ok(api.POST('/v1/sessions/{id}/checks/{step}/{name}/run', { params: { path: { id, step, name } } })),
    onSuccess: (check) =>
      client.setQueryData(key, (session) => {
        const same = (c: typeof check) => c.step === check.step && c.name === check.name
        return session && { ...session, checks: session.checks.map((c) => (same(c) ? check : c)) }
      }),
  })
}

export function useRevealHint(id: string, step: number) {
  return useMutation({ mutationFn: (hint: number) => revealHint(id, step, hint) })
}

function revealHint(id: string, step: number, hint: number) {
  return ok(api.POST('/v1/sessions/{id}/steps/{step}/hints/{hint}/reveal', { params: { path: { id, step, hint } } }))
}

/** A hint that was revealed before: asking again costs nothing. */
export function hintQuery(id: string, step: number, hint: number, revealed: boolean) {
  return queryOptions({
    queryKey: ['session', id, 'hint', step, hint],
    queryFn: () => revealHint(id, step, hint),
    enabled: revealed,
    staleTime: Infinity,
  })
}

/** Answers a step's quiz: for each question the chosen answers. Says of each whether it is right. */
export function useAnswerQuiz(id: string, step: number) {
  return useMutation({
    mutationFn: (answers: number[][]) =>
      ok(api.POST('/v1/sessions/{id}/steps/{step}/quiz', { params: { path: { id, step } }, body: { answers } })),
  })
}

export function writeFile(id: string, path: string, content: string): Promise<unknown> {
  return ok(api.POST('/v1/sessions/{id}/files', { params: { path: { id } }, body: { path, content } }))
}

/** A one-time address that opens a port of the environment on its own origin. */
export async function portAddress(id: string, port: string): Promise<string> {
  const ticket = await ok(api.POST('/v1/sessions/{id}/tickets', { params: { path: { id } }, body: { kind: 'port', port } }))
  return ticket.url ?? ''
}
