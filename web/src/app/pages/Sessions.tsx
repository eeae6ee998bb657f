import { getRouteApi } from '@tanstack/react-router'
import { SessionsPage } from '@/features/session/SessionsPage'

const route = getRouteApi('/signed-in/shell/sessions')

export default function Sessions() {
  const { state } = route.useSearch()
  const navigate = route.useNavigate()
  return <SessionsPage state={state} onState={(next) => void navigate({ search: { state: next }, replace: true })} />
}
