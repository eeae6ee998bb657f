import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { LabDetailPage } from '@/features/lab/LabDetailPage'
import { activeSessionsQuery, isAlive, useStart } from '@/features/session/api'
import { messageOf } from '@/lib/api/problem'

const route = getRouteApi('/signed-in/shell/labs/$slug')

/** One lab, with the way to start it or back into it. */
export default function LabDetail() {
  const { slug } = route.useParams()
  const navigate = useNavigate()
  const { data } = useQuery(activeSessionsQuery())
  const start = useStart()
  const open = ({ id }: { id: string }) => void navigate({ to: '/sessions/$id', params: { id } })
  return (
    <LabDetailPage
      slug={slug}
      running={data?.items.find((session) => session.lab.slug === slug && isAlive(session.state))}
      onStart={() => start.mutate(slug, { onSuccess: open })}
      starting={start.isPending || start.isSuccess}
      refused={start.error ? messageOf(start.error) : undefined}
    />
  )
}
