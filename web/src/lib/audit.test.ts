import { describe, expect, it } from 'vitest'
import { asked, auditFilter, differences } from './audit'

describe('differences', () => {
  it('names what changed, member by member', () => {
    expect(differences({ role: 'learner', limits: { rate: 5, burst: 1 } }, { role: 'admin', limits: { rate: 5, burst: 2 } })).toEqual([
      { name: 'role', before: 'learner', after: 'admin' },
      { name: 'limits.burst', before: '1', after: '2' },
    ])
  })
  it('shows what was made and what was removed', () => {
    expect(differences(undefined, { tags: ['a', 'b'] })).toEqual([{ name: 'tags', before: undefined, after: 'a, b' }])
    expect(differences({ name: 'x' }, undefined)).toEqual([{ name: 'name', before: 'x', after: undefined }])
  })
  it('says that a secret was exchanged', () => {
    expect(differences({ clientSecret: '[redacted]' }, { clientSecret: '[redacted]' })).toHaveLength(1)
  })
})

describe('filter', () => {
  it('takes nothing else than it knows from an address', () => {
    expect(auditFilter({ q: 'x', actor: 7, from: '2026-03-01', to: 'yesterday', other: 'y', target: '' })).toEqual({ q: 'x', actor: '7', from: '2026-03-01' })
  })
  it('ends with the last day', () => {
    const { from, to } = asked({ from: '2026-03-01', to: '2026-03-01' })
    expect(Date.parse(to ?? '') - Date.parse(from ?? '')).toBe(86_400_000)
  })
})
