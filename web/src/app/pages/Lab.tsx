import '@fontsource-variable/jetbrains-mono/wght.css'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { lazy } from 'react'
import { sessionQuery } from '@/features/session/api'
import { LabPage } from '@/features/session/LabPage'
import { openShortcuts } from '../overlay'
import { SchemeButton } from '../SchemeButton'
import { usePageTitle } from '@/lib/brand'

const Terminal = lazy(() => import('@/features/terminal/Terminal'))
const route = getRouteApi('/signed-in/sessions/$id')

/** The lab page with real terminals in it. */
export default function Lab() {
  const { id } = route.useParams()
  const { step } = route.useSearch()
  const navigate = route.useNavigate()
  const { data } = useQuery(sessionQuery(id))
  usePageTitle(data?.lab.title)
  return (
    <LabPage
      key={id}
      id={id}
      step={step}
      onStep={(next) => void navigate({ search: { step: next }, replace: true })}
      onSession={(next) => void navigate({ to: '/sessions/$id', params: { id: next }, replace: true })}
      onShortcuts={openShortcuts}
      Terminal={Terminal}
      tools={<SchemeButton />}
    />
  )
}
