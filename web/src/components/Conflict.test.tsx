import { MantineProvider } from '@mantine/core'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import '@/lib/i18n'
import { useEdited, type Saved } from '@/lib/useEdited'
import { Conflict } from './Conflict'

interface Draft {
  name: string
  most: string
}

let root: Root
let element: HTMLElement

function Form({ saved }: { saved: Saved<Draft> }) {
  const { mine, base, changed, theirs, set, takeTheirs, keepMine } = useEdited(saved.draft, saved)
  return (
    <>
      <output>{`${mine.name} ${mine.most} from ${base?.version}${changed ? ', changed' : ''}`}</output>
      <button onClick={() => set({ most: '13' })}>Type</button>
      {theirs && <Conflict theirs={{ Name: theirs.name, Most: theirs.most }} mine={{ Name: mine.name, Most: mine.most }} onTheirs={takeTheirs} onMine={keepMine} />}
    </>
  )
}

function show(version: string, draft: Draft): void {
  act(() =>
    root.render(
      <MantineProvider env="test">
        <Form saved={{ version, draft }} />
      </MantineProvider>,
    ),
  )
}

function press(name: string): void {
  const button = [...element.querySelectorAll('button')].find(({ textContent }) => textContent === name)
  if (!button) throw new Error(`no button ${name}`)
  act(() => button.click())
}

const form = () => element.querySelector('output')?.textContent
const conflict = () => element.querySelector('[role=alert]')?.textContent

beforeEach(() => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true)
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }))
  element = document.createElement('div')
  root = createRoot(element)
  show('1', { name: 'Team', most: '12' })
})

afterEach(() => {
  act(() => root.unmount())
  vi.unstubAllGlobals()
})

describe('what somebody else saves while it is edited', () => {
  it('takes the place of what nobody has touched', () => {
    show('2', { name: 'Crew', most: '12' })
    expect(form()).toBe('Crew 12 from 2')
    expect(conflict()).toBeUndefined()
  })

  it('is shown beside what was typed, without the fields that are the same on both sides', () => {
    press('Type')
    show('2', { name: 'Crew', most: '12' })
    expect(form()).toBe('Team 13 from 1, changed')
    expect(conflict()).toContain('Theirs Crew')
    expect(conflict()).toContain('Yours Team')
    show('3', { name: 'Team', most: '14' })
    expect(conflict()).not.toContain('Team')
    expect(conflict()).toContain('Theirs 14')
  })

  it('is taken, or replaced by the next save', () => {
    press('Type')
    show('2', { name: 'Crew', most: '12' })
    press('Keep mine')
    expect(form()).toBe('Team 13 from 2, changed')
    expect(conflict()).toBeUndefined()
    show('3', { name: 'Crew', most: '15' })
    press('Take theirs')
    expect(form()).toBe('Crew 15 from 3')
  })

  it('is no conflict where it is the same', () => {
    press('Type')
    show('2', { name: 'Team', most: '13' })
    expect(form()).toBe('Team 13 from 2')
    expect(conflict()).toBeUndefined()
  })
})
