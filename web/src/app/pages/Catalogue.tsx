import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo } from 'react'
import { CataloguePage } from '@/features/lab/CataloguePage'
import { isAlive, sessionsQuery } from '@/features/session/api'
import type { SessionSummary } from '@/lib/api/types'

const route = getRouteApi('/signed-in/shell/')

/** The catalogue with the caller's sessions on its cards. */
export default function Catalogue() {
  const filter = route.useSearch()
  const navigate = route.useNavigate()
  const { data } = useQuery(sessionsQuery({ scope: 'mine' }))
  const sessions = useMemo(() => bySlug(data?.items ?? []), [data])
  return (
    <CataloguePage filter={filter} sessions={sessions} onFilter={(search) => void navigate({ search, replace: true })} />
  )
}

/** Of each lab the running session, or else the one that got farthest. */
function bySlug(sessions: SessionSummary[]): Map<string, SessionSummary> {
  const best = new Map<string, SessionSummary>()
  for (const session of sessions) {
    const other = best.get(session.lab.slug)
    if (!other || rank(session) > rank(other)) best.set(session.lab.slug, session)
  }
  return best
}

function rank({ state, progress }: SessionSummary): number {
  return isAlive(state) ? Infinity : progress.passed
}
