/** Which entries of an audit log are shown; it is part of the page's address. */
export interface AuditFilter {
  q?: string
  action?: string
  actor?: string
  target?: string
  address?: string
  request?: string
  /** The first day, as YYYY-MM-DD. */
  from?: string
  /** The last day, as YYYY-MM-DD. */
  to?: string
}

const names = ['q', 'action', 'actor', 'target', 'address', 'request'] as const

const day = /^\d{4}-\d{2}-\d{2}$/

/** Takes a filter from an address, whatever stands there. */
export function auditFilter(search: Record<string, unknown>): AuditFilter {
  const filter: AuditFilter = {}
  for (const name of names) {
    const value = search[name]
    if (typeof value === 'string' && value !== '') filter[name] = value.slice(0, 200)
    if (typeof value === 'number') filter[name] = String(value) // an address of digits alone
  }
  for (const name of ['from', 'to'] as const) {
    const value = search[name]
    if (typeof value === 'string' && day.test(value) && !Number.isNaN(Date.parse(value))) filter[name] = value
  }
  return filter
}

/** A filter as the API takes it: days begin and end where the reader is. */
export function asked({ from, to, ...rest }: AuditFilter) {
  return { ...rest, from: from ? midnight(from, 0) : undefined, to: to ? midnight(to, 1) : undefined }
}

function midnight(date: string, later: number): string {
  const [year = 0, month = 1, of = 1] = date.split('-').map(Number)
  return new Date(year, month - 1, of + later).toISOString()
}

export interface Difference {
  name: string
  before?: string
  after?: string
}

/** What an entry says has changed, member by member; nested ones as a path. */
export function differences(before: unknown, after: unknown): Difference[] {
  const was = flat(before)
  const is = flat(after)
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((name) => was.get(name) !== is.get(name) || was.get(name) === redacted)
    .map((name) => ({ name, before: was.get(name), after: is.get(name) }))
}

/** Stands in place of a secret, before and after it was exchanged. */
const redacted = '[redacted]'

function flat(value: unknown, path = '', into = new Map<string, string>()): Map<string, string> {
  if (value === null || value === undefined) return into
  if (typeof value === 'object' && !Array.isArray(value)) {
    for (const [name, member] of Object.entries(value)) flat(member, path ? `${path}.${name}` : name, into)
  } else {
    into.set(path, word(value))
  }
  return into
}

/** A value as people read it. */
export function word(value: unknown): string {
  if (Array.isArray(value)) return value.map(word).join(', ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}
