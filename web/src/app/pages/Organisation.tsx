import { useSuspenseQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { meQuery } from '@/features/identity/api'
import { OrganisationPage } from '@/features/organisation/OrganisationPage'
import { Missing } from '../Boundary'

const route = getRouteApi('/signed-in/shell/organisation')

export default function Organisation() {
  const { tab } = route.useSearch()
  const { data: me } = useSuspenseQuery(meQuery())
  if (me.role !== 'owner' && me.role !== 'admin') return <Missing />
  return <OrganisationPage me={me} tab={tab} />
}
