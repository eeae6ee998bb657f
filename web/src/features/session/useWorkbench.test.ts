import { describe, expect, it } from 'vitest'
import { closeTerminal, firstFree, openTerminal } from './useWorkbench'

describe('workbench', () => {
  it('opens the first free terminal', () => {
    expect(firstFree(['1', '3'])).toBe('2')
    expect(openTerminal({ terminals: ['1', '3'], active: 'terminal:3' }, '2')).toEqual({
      terminals: ['1', '2', '3'],
      active: 'terminal:2',
    })
  })

  it('leads to a terminal that is open already', () => {
    expect(openTerminal({ terminals: ['1', '2'], active: 'port:web' }, '1')).toEqual({ terminals: ['1', '2'], active: 'terminal:1' })
  })

  it('shows the neighbour of a closed tab, and leaves another one alone', () => {
    const tabs = { terminals: ['1', '2', '3'], active: 'terminal:2' }
    expect(closeTerminal(tabs, '2').active).toBe('terminal:3')
    expect(closeTerminal({ ...tabs, active: 'terminal:3' }, '3').active).toBe('terminal:2')
    expect(closeTerminal({ ...tabs, active: 'port:web' }, '2').active).toBe('port:web')
  })

  it('never closes the last terminal', () => {
    const tabs = { terminals: ['1'], active: 'terminal:1' }
    expect(closeTerminal(tabs, '1')).toBe(tabs)
  })
})
