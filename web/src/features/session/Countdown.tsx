import { Button, Tooltip } from '@mantine/core'
import { IconClock } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { notifyError } from '@/components/notify'
import type { Session } from '@/lib/api/types'
import { clock, duration } from '@/lib/format'
import { useNow } from '@/lib/useNow'
import { useExtend } from './api'
import classes from './LabHeader.module.css'

const minute = 60_000

/** The time that is left, and more of it on request. */
export function Countdown({ session }: { session: Session }) {
  const { t } = useTranslation()
  const extend = useExtend(session.id)
  const now = useNow()
  if (!session.deadline) return null
  const left = Date.parse(session.deadline) - now
  const urgency = left < minute ? 'now' : left < 5 * minute ? 'soon' : undefined
  return (
    <div className={classes.countdown} data-urgency={urgency}>
      <span className={classes.clock} role="timer" aria-label={t('lab.timeLeft')}>
        <IconClock size={16} aria-hidden />
        {clock(left)}
      </span>
      {session.extensionsLeft > 0 && (
        <Tooltip label={t('lab.extendHint', { time: duration(session.extendSeconds), count: session.extensionsLeft })}>
          <Button
            size="compact-sm"
            variant={urgency ? 'filled' : 'default'}
            loading={extend.isPending}
            onClick={() => extend.mutate(undefined, { onError: notifyError })}
          >
            {t('lab.extend')}
          </Button>
        </Tooltip>
      )}
    </div>
  )
}
