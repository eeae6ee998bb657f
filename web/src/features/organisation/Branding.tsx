import { Alert, Skeleton } from '@mantine/core'
import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { BrandPanel } from '@/components/brand/BrandPanel'
import type { Draft } from '@/components/brand/draft'
import { Failure } from '@/components/Failure'
import { api, ok } from '@/lib/api/client'

function brandQuery() {
  return queryOptions({ queryKey: ['organisation', 'brand'], queryFn: ({ signal }) => ok(api.GET('/v1/tenant/brand', { signal })) })
}

/** What the organisation looks like to its people. */
export function Branding() {
  const { t } = useTranslation()
  const client = useQueryClient()
  const brand = useQuery(brandQuery())
  const onSuccess = async () => {
    await client.invalidateQueries({ queryKey: brandQuery().queryKey })
    await client.invalidateQueries({ queryKey: ['me'], exact: true }) // by which this console wears it
  }
  const save = useMutation({ mutationFn: (body: Draft) => ok(api.PUT('/v1/tenant/brand', { body })), onSettled: onSuccess })
  const setLogo = useMutation({ mutationFn: (file: string) => ok(api.PUT('/v1/tenant/brand/logo', { body: { file } })), onSuccess })
  const removeLogo = useMutation({ mutationFn: () => ok(api.DELETE('/v1/tenant/brand/logo')), onSuccess })
  if (brand.error && !brand.data) return <Failure error={brand.error} onRetry={() => void brand.refetch()} />
  if (!brand.data) return <Skeleton h={420} radius="lg" />
  const plans = new Intl.ListFormat(undefined, { type: 'disjunction' }).format(brand.data.plans)
  const notice = brand.data.allowed ? undefined : (
    <Alert color="yellow" variant="light" mb="md" title={t('brand.closed')}>
      {brand.data.plans.length > 0 ? t('brand.closedText', { plans }) : t('brand.closedNowhere')}
    </Alert>
  )
  return (
    <BrandPanel brand={brand.data} text={t('brand.text')} notice={notice} allowed={brand.data.allowed} save={save} setLogo={setLogo} removeLogo={removeLogo} />
  )
}
