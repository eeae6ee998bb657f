import { describe, expect, it } from 'vitest'
import './i18n'
import { ago, clock, duration, elapsed } from './format'

describe('format', () => {
  it.each([
    [2700, '45 min'],
    [3600, '1 h'],
    [5400, '1 h 30 min'],
    [10, '1 min'],
  ])('a lab of %i s takes %s', (seconds, text) => expect(duration(seconds)).toBe(text))

  it.each([
    [59_001, '1:00'],
    [724_000, '12:04'],
    [3_729_000, '1:02:09'],
    [-5000, '0:00'],
  ])('%i ms are left: %s', (left, text) => expect(clock(left)).toBe(text))

  it.each([
    [86.4, '86 ms'],
    [1240, '1.2 s'],
  ])('%d ms took %s', (took, text) => expect(elapsed(took)).toBe(text))

  it('tells how long ago', () => {
    const now = Date.parse('2026-01-02T12:00:00Z')
    expect(ago('2026-01-02T11:59:30Z', now)).toBe('just now')
    expect(ago('2026-01-02T11:55:00Z', now)).toBe('5 minutes ago')
    expect(ago('2026-01-02T12:00:05Z', now)).toBe('just now') // a clock that is ahead
  })
})
