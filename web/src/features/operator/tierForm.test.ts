import { describe, expect, it } from 'vitest'
import type { Tier } from '@/lib/api/types'
import { bodyOf, complete, draftOf, newDraft } from './tierForm'

const tier: Tier = {
  name: 'standard', title: 'Standard', summary: 'For a school.', position: 2, placement: 'pool', public: true,
  price: 9950, currency: 'USD', limits: { members: 250, storage: 5 * 2 ** 30, later: 7 }, features: ['email-domains'],
}

describe('the form of a tier', () => {
  it('shows the price and storage as people write them, and nothing for what is not bounded', () => {
    const draft = draftOf(tier)
    expect(draft.price).toBe(99.5)
    expect(draft.limits.storage).toBe(5)
    expect(draft.limits.rate).toBe('')
  })

  it('sends back what it was given, limits that it does not know included', () => {
    const { name, ...body } = tier
    expect(bodyOf(draftOf(tier), tier)).toEqual(body)
    expect(name).toBe('standard')
  })

  it('takes a limit away when its field is empty, and keeps 0 as a limit', () => {
    const draft = draftOf(tier)
    draft.limits.members = ''
    draft.limits.sessions = 0
    const { limits } = bodyOf(draft, tier)
    expect(limits).not.toHaveProperty('members')
    expect(limits.sessions).toBe(0)
  })

  it('counts in the smallest unit of the currency that is chosen', () => {
    expect(bodyOf({ ...draftOf(tier), price: 1200, currency: 'JPY' }).price).toBe(1200)
    expect(bodyOf({ ...draftOf(tier), price: '19.99', currency: 'EUR' }).price).toBe(1999)
  })

  it('is complete with a name, a title, a price and a currency', () => {
    const draft = newDraft(5)
    expect(complete(draft)).toBe(false)
    expect(complete({ ...draft, name: 'team', title: 'Team' })).toBe(true)
    expect(complete({ ...draft, name: 'Team', title: 'Team' })).toBe(false)
    expect(complete({ ...draft, name: 'team', title: 'Team', price: '' })).toBe(false)
  })
})
