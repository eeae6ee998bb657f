import { dateTime, day } from '@/lib/format'

/** A day, whose hour is told to who asks. */
export function Day({ at }: { at: string }) {
  return (
    <time dateTime={at} title={dateTime(at)}>
      {day(at)}
    </time>
  )
}
