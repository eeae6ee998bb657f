import { describe, expect, it } from 'vitest'
import { digitsOf, money, toMinor } from './money'

describe('money', () => {
  it('counts in the smallest unit of each currency', () => {
    expect(money(9900, 'USD')).toContain('99')
    expect(money(9900, 'JPY')).toMatch(/9.?900/)
  })
})

describe('toMinor', () => {
  it.each([
    [99.5, 'USD', 9950],
    [1.15, 'EUR', 115],
    [9900, 'JPY', 9900],
    [1.234, 'KWD', 1234],
  ])('%d %s', (amount, currency, minor) => expect(toMinor(amount, currency)).toBe(minor))

  it('survives a code that is half typed', () => expect(digitsOf('U')).toBe(2))
})
