import type { Plan, Tier } from '@/lib/api/types'
import { limitNames, type LimitName } from '@/lib/limits'

/** What becomes of one limit with another plan. */
export interface Difference {
  name: LimitName
  /** Undefined where nothing bounds it. */
  before: number | undefined
  after: number | undefined
  /** More is in use than the new plan allows: nothing is taken away, but nothing can be added. */
  over: boolean
}

/** The limits that another plan changes, in the order of their importance. */
export function differences(plan: Plan, tier: Tier): Difference[] {
  return limitNames.flatMap((name) => {
    const now = plan.limits.find((limit) => limit.name === name)
    const before = now?.most
    const after = tier.limits[name]
    if (before === after) return []
    return [{ name, before, after, over: after !== undefined && (now?.used ?? 0) > after }]
  })
}

/** The plans that one can choose: those that are offered, without one's own. */
export function choices(plan: Plan, tiers: Tier[]): Tier[] {
  return tiers.filter(({ name }) => name !== plan.tier)
}
