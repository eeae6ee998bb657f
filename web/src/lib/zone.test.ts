import { describe, expect, it } from 'vitest'
import { instantIn, zones } from './zone'

describe('a time on the clocks of a zone', () => {
  it.each([
    ['UTC', '2026-01-05T09:00', '2026-01-05T09:00:00.000Z'],
    ['Asia/Kolkata', '2026-01-05T03:00', '2026-01-04T21:30:00.000Z'],
    ['America/New_York', '2026-07-01T20:15', '2026-07-02T00:15:00.000Z'],
    // summer time begins at 2:00, which are 3:00 then, and ends at 3:00
    ['Europe/Berlin', '2026-03-29T01:59', '2026-03-29T00:59:00.000Z'],
    ['Europe/Berlin', '2026-03-29T03:00', '2026-03-29T01:00:00.000Z'],
    ['Europe/Berlin', '2026-10-25T04:00', '2026-10-25T03:00:00.000Z'],
  ])('in %s, %s is %s', (zone, local, instant) => {
    expect(instantIn(zone, local)).toBe(instant)
  })

  it('can be told in any zone that the browser knows', () => {
    expect(zones()).toContain('UTC')
    expect(zones()).toContain('Asia/Kolkata')
    expect(new Set(zones()).size).toBe(zones().length)
  })
})
