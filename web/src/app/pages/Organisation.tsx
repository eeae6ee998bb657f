import { useSuspenseQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { meQuery } from '@/features/identity/api'
import { OrganisationPage } from '@/features/organisation/OrganisationPage'
import { Missing } from '../Boundary'

const route = getRouteApi('/signed-in/shell/organisation')

export default function Organisation() {
  const { tab, ...filter } = route.useSearch()
  const navigate = route.useNavigate()
  const { data: me } = useSuspenseQuery(meQuery())
  if (me.role !== 'owner' && me.role !== 'admin') return <Missing />
  return <OrganisationPage me={me} tab={tab} filter={filter} onFilter={(next) => void navigate({ search: { tab, ...next }, replace: true })} />
}
