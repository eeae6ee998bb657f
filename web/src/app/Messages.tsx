import { useNotifications } from '@mantine/notifications'
import { lazy, Suspense, useState } from 'react'

const MessageList = lazy(() => import('./MessageList'))

/** Messages about what was done. Most visits have none: their code comes with the first. */
export function Messages() {
  const { notifications, queue } = useNotifications()
  const [needed, setNeeded] = useState(false)
  if (!needed && notifications.length + queue.length > 0) setNeeded(true)
  if (!needed) return null
  return (
    <Suspense>
      <MessageList />
    </Suspense>
  )
}
