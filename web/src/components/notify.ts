import { notifications } from '@mantine/notifications'
import { ApiError, messageOf } from '@/lib/api/problem'
import { t } from '@/lib/i18n'

/** Tells about an action that failed, with the id to quote when the fault is ours. */
export function notifyError(error: unknown): void {
  const id = error instanceof ApiError && error.status >= 500 ? error.requestId : undefined
  const message = messageOf(error)
  notifications.show({
    color: 'red',
    title: t('errors.action'),
    message: id ? `${message} ${t('errors.requestId', { id })}` : message,
    autoClose: 10_000,
  })
}
