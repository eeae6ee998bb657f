import { Group, Progress, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Usage } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import { shareOf, standingOf } from '@/lib/quota'
import classes from './UsageMeters.module.css'

const number = new Intl.NumberFormat()
const percent = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 0 })

// A colour beside the words, never in their place.
const colors = { resets: undefined, near: 'orange', full: 'red' } as const

/** Requests of an organisation's programs against its quotas of the day and the month, and when these begin anew. */
export function UsageMeters({ usage }: { usage: Usage }) {
  return (
    <div className={classes.meters}>
      <Meter name="day" quota={usage.day} />
      <Meter name="month" quota={usage.month} />
    </div>
  )
}

function Meter({ name, quota }: { name: 'day' | 'month'; quota: Usage['day'] }) {
  const { t } = useTranslation()
  const title = t(`usage.${name}`)
  const used = number.format(quota.requests)
  const share = shareOf(quota)
  const standing = standingOf(share)
  return (
    <div>
      <Group justify="space-between" mb={6} wrap="nowrap">
        <Text size="sm" fw={550}>
          {title}
        </Text>
        <Text size="sm" className={classes.number}>
          {quota.most === undefined ? used : t('usage.of', { used, most: number.format(quota.most), share: percent.format(share) })}
        </Text>
      </Group>
      {quota.most !== undefined && <Progress value={Math.min(100, 100 * share)} color={colors[standing]} aria-label={title} />}
      <Text size="xs" c="dimmed" mt={6}>
        {t(`usage.${standing}`, { when: dateTime(quota.resets) })}
      </Text>
    </div>
  )
}

/** A count of requests. */
export function requests(n: number): string {
  return number.format(n)
}
