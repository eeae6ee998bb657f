import { describe, expect, it } from 'vitest'
import { money, suggestName } from './words'

describe('suggestName', () => {
  it.each([
    ['Example University', 'example-university'],
    ['Étude & Co.', 'etude-co'],
    ['  --  ', ''],
    ['x'.repeat(60), 'x'.repeat(40)],
  ])('%s', (title, name) => expect(suggestName(title)).toBe(name))
})

describe('money', () => {
  it('counts in the smallest unit of each currency', () => {
    expect(money(9900, 'USD')).toContain('99')
    expect(money(9900, 'JPY')).toMatch(/9.?900/)
  })
})
