import { useSuspenseQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { meQuery } from '@/features/identity/api'
import { OperatorPage } from '@/features/operator/OperatorPage'
import { Forbidden } from '../Boundary'

const route = getRouteApi('/signed-in/shell/operator')

export default function Operator() {
  const { tab, ...filter } = route.useSearch()
  const navigate = route.useNavigate()
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery())
  if (!me.operator) return <Forbidden text={t('errors.for.operator')} />
  return <OperatorPage tab={tab} filter={filter} onFilter={(next) => void navigate({ search: { tab, ...next }, replace: true })} />
}
