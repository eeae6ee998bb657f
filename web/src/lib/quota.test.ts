import { describe, expect, it } from 'vitest'
import { shareOf, standingOf } from './quota'

describe('a quota', () => {
  it.each([
    [{ requests: 0, most: 1000 }, 'resets'],
    [{ requests: 799, most: 1000 }, 'resets'],
    [{ requests: 800, most: 1000 }, 'near'],
    [{ requests: 999, most: 1000 }, 'near'],
    [{ requests: 1000, most: 1000 }, 'full'],
    [{ requests: 1200, most: 1000 }, 'full'], // lowered under way
    [{ requests: 0, most: 0 }, 'full'], // a plan without programs
    [{ requests: 5_000_000 }, 'resets'], // nothing bounds it
  ])('of %o says %s', (quota, says) => {
    expect(standingOf(shareOf(quota))).toBe(says)
  })
})
