import '@mantine/core/styles/Notification.layer.css'
import '@mantine/notifications/styles.layer.css'
import { Notifications } from '@mantine/notifications'
import classes from './MessageList.module.css'

/** Each message is announced to screen readers as it appears. */
export default function MessageList() {
  return <Notifications position="top-right" zIndex={1000} limit={4} className={classes.list} />
}
