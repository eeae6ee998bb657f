import { Center, Loader } from '@mantine/core'
import { IconCompass, IconLock } from '@tabler/icons-react'
import { useQueryErrorResetBoundary } from '@tanstack/react-query'
import { useRouter, type ErrorComponentProps } from '@tanstack/react-router'
import { lazy, Suspense, useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { BarePage } from '@/components/BarePage'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { ButtonLink } from '@/components/links'
import { ShutOut, shutsOut } from '@/components/ShutOut'

const Closed = lazy(() => import('@/features/organisation/Closed').then((module) => ({ default: module.Closed })))

/** In place of a page that failed, within the shell. */
export function Boundary({ error, reset }: ErrorComponentProps) {
  const router = useRouter()
  const queries = useQueryErrorResetBoundary()
  useEffect(() => queries.reset(), [queries])
  const retry = () => {
    reset()
    void router.invalidate()
  }
  if (shutsOut(error) === 'tenant_offboarding') {
    return (
      <Suspense fallback={<Pending />}>
        <Closed error={error} onRetry={retry} />
      </Suspense>
    )
  }
  if (shutsOut(error)) return <ShutOut error={error} onRetry={retry} />
  return <Failure error={error} onRetry={retry} order={1} />
}

/** In place of a page that has no shell, or whose shell failed. */
export function BoundaryPage(props: ErrorComponentProps) {
  return (
    <BarePage>
      <Boundary {...props} />
    </BarePage>
  )
}

/** A page that is not for this person's role; within the shell. */
export function Forbidden({ text }: { text: string }) {
  const { t } = useTranslation()
  return (
    <Empty icon={<IconLock size={26} />} title={t('errors.forbidden')} text={text} order={1}>
      <ButtonLink to="/">{t('errors.home')}</ButtonLink>
    </Empty>
  )
}

/** An address that leads nowhere; within the shell. */
export function Missing() {
  const { t } = useTranslation()
  return (
    <Empty icon={<IconCompass size={26} />} title={t('errors.notFound')} text={t('errors.notFoundText')} order={1}>
      <ButtonLink to="/">{t('errors.home')}</ButtonLink>
    </Empty>
  )
}

/** An address outside of everything. */
export function MissingPage() {
  return (
    <BarePage>
      <Missing />
    </BarePage>
  )
}

/** While the code of a page arrives. */
export function Pending() {
  const { t } = useTranslation()
  return (
    <Center mih="50vh" role="status" aria-label={t('status.loading')}>
      <Loader size="sm" />
    </Center>
  )
}
