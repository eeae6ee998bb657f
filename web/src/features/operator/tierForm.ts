import type { paths } from '@/lib/api/schema.gen'
import type { Tier } from '@/lib/api/types'
import { gibibyte, limitNames, type LimitName } from '@/lib/limits'
import { digitsOf, toMinor } from '@/lib/money'

export type TierBody = paths['/v1/operator/tiers/{name}']['put']['requestBody']['content']['application/json']

/** A field for a number that may be empty. */
type Typed = number | string

/** What is in the fields of the form: the price as people write it, storage in GiB, and '' for what is not bounded. */
export interface TierDraft {
  name: string
  title: string
  summary: string
  position: Typed
  placement: Tier['placement']
  public: boolean
  price: Typed
  currency: string
  limits: Record<LimitName, Typed>
  features: string[]
}

export const features = ['email-domains', 'own-identity-provider', 'branding', 'mail-templates'] as const

export const nameOfTier = /^[a-z][a-z0-9-]{1,38}$/

function unit(name: LimitName): number {
  return name === 'storage' ? gibibyte : 1
}

export function draftOf(tier: Tier): TierDraft {
  const limits = {} as Record<LimitName, Typed>
  for (const name of limitNames) {
    const most = tier.limits[name]
    limits[name] = most === undefined ? '' : most / unit(name)
  }
  const { name, title, summary = '', position, placement, currency } = tier
  return { name, title, summary, position, placement, currency, public: tier.public, price: tier.price / 10 ** digitsOf(currency), limits, features: tier.features }
}

export function newDraft(position: number): TierDraft {
  return draftOf({ name: '', title: '', position, placement: 'pool', public: false, price: 0, currency: 'USD', limits: {}, features: [] })
}

/** A number from a field; undefined for an empty one. */
export function typed(value: Typed): number | undefined {
  return value === '' || Number.isNaN(Number(value)) ? undefined : Number(value)
}

/** What is sent. Limits that this console does not know stay as they were. */
export function bodyOf(draft: TierDraft, before?: Tier): TierBody {
  const known = new Set<string>(limitNames)
  const limits = Object.fromEntries(Object.entries(before?.limits ?? {}).filter(([name]) => !known.has(name)))
  for (const name of limitNames) {
    const most = typed(draft.limits[name])
    if (most !== undefined) limits[name] = Math.round(most * unit(name))
  }
  const { summary, placement, currency } = draft
  return {
    title: draft.title.trim(),
    summary: summary.trim(),
    position: typed(draft.position) ?? 0,
    placement,
    public: draft.public,
    price: toMinor(typed(draft.price) ?? 0, currency),
    currency,
    limits,
    features: draft.features,
  }
}

/** Whether it can be sent; the server says the rest. */
export function complete(draft: TierDraft): boolean {
  return nameOfTier.test(draft.name) && draft.title.trim() !== '' && /^[A-Z]{3}$/.test(draft.currency) && typed(draft.price) !== undefined
}
