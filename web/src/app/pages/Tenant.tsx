import { useSuspenseQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { meQuery } from '@/features/identity/api'
import { TenantPage } from '@/features/operator/TenantPage'
import { Missing } from '../Boundary'

const route = getRouteApi('/signed-in/shell/operator/tenants/$id')

export default function Tenant() {
  const { id } = route.useParams()
  const { data: me } = useSuspenseQuery(meQuery())
  return me.operator ? <TenantPage id={id} /> : <Missing />
}
