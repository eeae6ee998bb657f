import { onlineManager } from '@tanstack/react-query'
import { IconCloudOff } from '@tabler/icons-react'
import { useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import classes from './Shell.module.css'

/** Says, as long as it is so, that this browser has no connection: what is shown may be old. */
export function Offline() {
  const { t } = useTranslation()
  const online = useSyncExternalStore(
    (changed) => onlineManager.subscribe(changed),
    () => onlineManager.isOnline(),
  )
  return (
    <div aria-live="polite">
      {!online && (
        <p className={classes.offline}>
          <IconCloudOff size={16} aria-hidden /> {t('shell.offline')}
        </p>
      )}
    </div>
  )
}
