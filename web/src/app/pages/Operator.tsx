import { getRouteApi } from '@tanstack/react-router'
import { OperatorPage } from '@/features/operator/OperatorPage'

const route = getRouteApi('/signed-in/shell/operator')

export default function Operator() {
  const { tab, q } = route.useSearch()
  const navigate = route.useNavigate()
  return (
    <OperatorPage
      tab={tab ?? 'labs'}
      onTab={(next) => void navigate({ search: { tab: next === 'users' ? next : undefined } })}
      q={q}
      onSearch={(text) => void navigate({ search: (before) => ({ ...before, q: text }), replace: true })}
    />
  )
}
