import { useSuspenseQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { meQuery } from '@/features/identity/api'
import { TenantPage } from '@/features/operator/TenantPage'
import { Forbidden } from '../Boundary'

const route = getRouteApi('/signed-in/shell/operator/tenants/$id')

export default function Tenant() {
  const { id } = route.useParams()
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery())
  return me.operator ? <TenantPage id={id} /> : <Forbidden text={t('errors.for.operator')} />
}
