/** Zones that some browsers list by a name of before; they know both. */
const renamed: Partial<Record<string, string>> = {
  'Asia/Calcutta': 'Asia/Kolkata',
  'Asia/Katmandu': 'Asia/Kathmandu',
  'Asia/Rangoon': 'Asia/Yangon',
  'Asia/Saigon': 'Asia/Ho_Chi_Minh',
  'Europe/Kiev': 'Europe/Kyiv',
}

/** The time zone of this browser. */
export function ownZone(): string {
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone
  return renamed[zone] ?? zone
}

/** Every time zone that this browser knows. */
export function zones(): string[] {
  return [...new Set(['UTC', ownZone(), ...Intl.supportedValuesOf('timeZone').map((zone) => renamed[zone] ?? zone)])]
}

/** The moment at which the clocks of a zone show a time, such as 2026-01-05T09:00. Where summer time skips it: the one after. */
export function instantIn(zone: string, local: string): string {
  const wall = Date.parse(`${local}Z`)
  const near = wall - ahead(zone, wall)
  return new Date(wall - ahead(zone, near)).toISOString()
}

/** By how much the clocks of a zone are ahead of UTC at a moment, in milliseconds. */
function ahead(zone: string, at: number): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(at)
  const of = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((part) => part.type === type)?.value)
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second')) - Math.floor(at / 1000) * 1000
}
