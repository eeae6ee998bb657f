import type { Plan } from './api/types'

export type LimitName = Plan['limits'][number]['name']

/** Every limit, in the order of their importance to people. */
export const limitNames: LimitName[] = ['members', 'sessions', 'sessionsPerUser', 'storage', 'rate', 'burst', 'dailyRequests', 'auditDays']

/** Bytes of a GiB: limits of storage are written in it. */
export const gibibyte = 2 ** 30

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 })

/** A limit or what is used of it, with its unit. */
export function amount(name: LimitName, value: number): string {
  return name === 'storage' ? `${number.format(value / gibibyte)} GiB` : number.format(value)
}
