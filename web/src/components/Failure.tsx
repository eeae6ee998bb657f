import '@mantine/core/styles/Code.layer.css'
import { Button, Code, Text } from '@mantine/core'
import { IconCloudOff, IconHourglass, IconLock, IconMoodSad } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { ApiError, messageOf } from '@/lib/api/problem'
import { clock } from '@/lib/format'
import { useNow } from '@/lib/useNow'
import { Empty } from './Empty'
import { ButtonLink } from './links'

interface Props {
  error: unknown
  onRetry?: () => void
  order?: 1 | 2
}

/** A page or a list that could not be loaded: what happened, the request id, and what can be done. */
export function Failure({ error, onRetry, order }: Props) {
  const { t } = useTranslation()
  const known = error instanceof ApiError ? error : undefined
  const final = known?.status === 404 || known?.status === 403 // another try ends the same
  return (
    <div role="alert">
      <Empty order={order} icon={<Sign error={known} />} title={titleOf(t, known)} text={messageOf(error)}>
        {final || !onRetry ? <ButtonLink to="/">{t('errors.home')}</ButtonLink> : <RetryButton error={known} onRetry={onRetry} />}
        {known?.requestId && known.status !== 404 && (
          <Text size="xs" c="dimmed" mt="md">
            {t('errors.request')} <Code>{known.requestId}</Code>
          </Text>
        )}
      </Empty>
    </div>
  )
}

function titleOf(t: TFunction, error: ApiError | undefined): string {
  if (error?.offline) return t('errors.offlineTitle')
  if (error?.status === 403) return t('errors.forbidden')
  if (error?.status === 404) return t('errors.notFound')
  if (error?.status === 429) return t('errors.tooMany')
  return t('errors.title')
}

function Sign({ error }: { error: ApiError | undefined }) {
  if (error?.offline) return <IconCloudOff size={26} />
  if (error?.status === 403) return <IconLock size={26} />
  if (error?.status === 429) return <IconHourglass size={26} />
  return <IconMoodSad size={26} />
}

/** Another try, as soon as the server would let it pass. */
export function RetryButton({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const { t } = useTranslation()
  const at = error instanceof ApiError ? (error.retryAt ?? 0) : 0
  const left = at - useNow(at > 0)
  const waits = left > 0
  return (
    // It keeps the focus while it waits, which a disabled button would lose.
    <Button aria-disabled={waits} data-disabled={waits || undefined} onClick={() => !waits && onRetry()}>
      {waits ? t('errors.wait', { time: clock(left) }) : t('errors.retry')}
    </Button>
  )
}
