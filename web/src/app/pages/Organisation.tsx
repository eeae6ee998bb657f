import { useSuspenseQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { meQuery } from '@/features/identity/api'
import { OrganisationPage } from '@/features/organisation/OrganisationPage'
import { Forbidden } from '../Boundary'

const route = getRouteApi('/signed-in/shell/organisation')

export default function Organisation() {
  const { tab, ...filter } = route.useSearch()
  const navigate = route.useNavigate()
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery())
  if (me.role !== 'owner' && me.role !== 'admin') return <Forbidden text={t('errors.for.organisation')} />
  return <OrganisationPage me={me} tab={tab} filter={filter} onFilter={(next) => void navigate({ search: { tab, ...next }, replace: true })} />
}
