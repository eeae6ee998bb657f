import { describe, expect, it } from 'vitest'
import type { Plan, Tier } from '@/lib/api/types'
import { choices, differences } from './plans'

const plan: Plan = {
  tier: 'standard', title: 'Standard', price: 9900, currency: 'USD', features: [],
  limits: [
    { name: 'members', most: 250, used: 80 },
    { name: 'sessions', most: 50, used: 10 },
    { name: 'storage', used: 2 },
  ],
}

const tier = (name: string, limits: Tier['limits']): Tier => ({
  name, title: name, position: 0, placement: 'pool', public: true, price: 0, currency: 'USD', limits, features: [],
})

describe('differences', () => {
  it('are the limits that change, and tell where more is in use than fits', () => {
    expect(differences(plan, tier('basic', { members: 50, sessions: 10, storage: 5 }))).toEqual([
      { name: 'members', before: 250, after: 50, over: true },
      { name: 'sessions', before: 50, after: 10, over: false },
      { name: 'storage', before: undefined, after: 5, over: false },
    ])
  })

  it('are none for the same limits', () => expect(differences(plan, tier('other', { members: 250, sessions: 50 }))).toEqual([]))

  it('tell of a limit that goes', () => {
    expect(differences(plan, tier('all', { sessions: 50 }))).toEqual([{ name: 'members', before: 250, after: undefined, over: false }])
  })
})

describe('choices', () => {
  it('leave out what one has', () => {
    expect(choices(plan, [tier('basic', {}), tier('standard', {})]).map(({ name }) => name)).toEqual(['basic'])
  })
})
