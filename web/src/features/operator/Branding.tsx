import { Skeleton } from '@mantine/core'
import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { BrandPanel } from '@/components/brand/BrandPanel'
import type { Draft } from '@/components/brand/draft'
import { Failure } from '@/components/Failure'
import { api, ok } from '@/lib/api/client'

function brandQuery() {
  return queryOptions({ queryKey: ['operator', 'brand'], queryFn: ({ signal }) => ok(api.GET('/v1/operator/brand', { signal })) })
}

/** What the provider looks like, and every organisation that has no brand of its own. */
export function Branding() {
  const { t } = useTranslation()
  const client = useQueryClient()
  const brand = useQuery(brandQuery())
  const onSuccess = async () => {
    await client.invalidateQueries({ queryKey: brandQuery().queryKey })
    await client.invalidateQueries({ queryKey: ['me'], exact: true })
  }
  const save = useMutation({ mutationFn: (body: Draft) => ok(api.PUT('/v1/operator/brand', { body })), onSettled: onSuccess })
  const setLogo = useMutation({ mutationFn: (file: string) => ok(api.PUT('/v1/operator/brand/logo', { body: { file } })), onSuccess })
  const removeLogo = useMutation({ mutationFn: () => ok(api.DELETE('/v1/operator/brand/logo')), onSuccess })
  if (brand.error && !brand.data) return <Failure error={brand.error} onRetry={() => void brand.refetch()} />
  if (!brand.data) return <Skeleton h={420} radius="lg" />
  return <BrandPanel brand={brand.data} text={t('brand.operatorText')} allowed save={save} setLogo={setLogo} removeLogo={removeLogo} />
}
