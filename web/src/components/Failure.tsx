import '@mantine/core/styles/Code.layer.css'
import { Button, Code, Text } from '@mantine/core'
import { IconCloudOff, IconMoodSad } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { ApiError, messageOf } from '@/lib/api/problem'
import { Empty } from './Empty'
import { ButtonLink } from './links'

interface Props {
  error: unknown
  onRetry?: () => void
  order?: 1 | 2
}

/** A page or a list that could not be loaded: what happened, the request id, and another try. */
export function Failure({ error, onRetry, order }: Props) {
  const { t } = useTranslation()
  const known = error instanceof ApiError ? error : undefined
  const missing = known?.status === 404
  return (
    <div role="alert">
      <Empty
        order={order}
        icon={known?.offline ? <IconCloudOff size={26} /> : <IconMoodSad size={26} />}
        title={missing ? t('errors.notFound') : known?.offline ? t('errors.offlineTitle') : t('errors.title')}
        text={messageOf(error)}
      >
        {missing || !onRetry ? (
          <ButtonLink to="/">{t('errors.home')}</ButtonLink>
        ) : (
          <Button onClick={onRetry}>{t('errors.retry')}</Button>
        )}
        {known?.requestId && !missing && (
          <Text size="xs" c="dimmed" mt="md">
            {t('errors.request')} <Code>{known.requestId}</Code>
          </Text>
        )}
      </Empty>
    </div>
  )
}
