import { t } from './i18n'

/** "45 min", "1 h 30 min"; for the length of a lab. */
export function duration(seconds: number): string {
  const minutes = Math.max(1, Math.round(seconds / 60))
  const hours = Math.floor(minutes / 60)
  if (hours === 0) return t('units.minutes', { count: minutes })
  if (minutes % 60 === 0) return t('units.hours', { count: hours })
  return `${t('units.hours', { count: hours })} ${t('units.minutes', { count: minutes % 60 })}`
}

/** "12:04", "1:02:09"; for a countdown. Never below zero. */
export function clock(milliseconds: number): string {
  const total = Math.max(0, Math.ceil(milliseconds / 1000))
  const seconds = String(total % 60).padStart(2, '0')
  const minutes = Math.floor(total / 60) % 60
  const hours = Math.floor(total / 3600)
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`
}

/** "86 ms", "1.2 s"; for a provisioning step. */
export function elapsed(milliseconds: number): string {
  if (milliseconds < 1000) return t('units.milliseconds', { count: Math.round(milliseconds) })
  return t('units.seconds', { value: (milliseconds / 1000).toFixed(1) })
}

const moment = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
  timeZoneName: 'short', // people of one organisation live in many
})

export function dateTime(iso: string): string {
  return moment.format(new Date(iso))
}

const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })

/** The day alone, where nobody asks for the hour. */
export function day(iso: string): string {
  return date.format(new Date(iso))
}

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' })

/** "2 hours ago", "yesterday". */
export function ago(iso: string, now = Date.now()): string {
  const seconds = Math.min(0, (Date.parse(iso) - now) / 1000)
  if (seconds > -60) return t('units.justNow')
  if (seconds > -3600) return relative.format(Math.round(seconds / 60), 'minute')
  if (seconds > -86_400) return relative.format(Math.round(seconds / 3600), 'hour')
  if (seconds > -30 * 86_400) return relative.format(Math.round(seconds / 86_400), 'day')
  return dateTime(iso)
}
