import { describe, expect, it } from 'vitest'
import { difference, template } from './policies'

describe('difference', () => {
  it('keeps what is the same, and tells what went and what came', () => {
    const lines = difference('a\nb\nc', 'a\nx\nc\nd').map(({ kind, text }) => `${kind} ${text}`)
    expect(lines).toEqual(['same a', 'gone b', 'new x', 'same c', 'new d'])
  })
  it('is empty of changes for equal texts', () => {
    expect(difference('a\nb', 'a\nb').every(({ kind }) => kind === 'same')).toBe(true)
  })
})

describe('template', () => {
  it('names the group that there is', () => {
    expect(template('interns', { id: '1', name: 'Interns' })).toContain('principal in Group::"1"')
  })
})
