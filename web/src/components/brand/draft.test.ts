import { describe, expect, it } from 'vitest'
import type { OwnBrand } from '@/lib/api/types'
import { cleaned, colourOf, coloursOf, isOwn, letterOf } from './draft'

const empty = { title: '', primary: '', accent: '', support: '', terms: '', privacy: '' }
const below = { primary: '#111111', accent: '#222222' } as OwnBrand['below']

describe('colourOf', () => {
  it.each([
    ['#0F766E', '#0f766e'],
    [' 0f766e ', '#0f766e'],
    ['#0f7', undefined],
    ['teal', undefined],
    ['', undefined],
  ])('%s', (typed, colour) => expect(colourOf(typed)).toBe(colour))
})

it('shows what is below until a colour is whole', () => {
  expect(coloursOf({ ...empty, primary: '#0f7', accent: '0f766e' }, below)).toEqual({ primary: '#111111', accent: '#0f766e' })
})

it('sends what is no colour as it is, so that the server says what is wrong', () => {
  expect(cleaned({ ...empty, title: ' Acme ', primary: 'ABCDEF', accent: ' teal ' })).toEqual({ ...empty, title: 'Acme', primary: '#abcdef', accent: 'teal' })
})

it('knows a brand of its own', () => {
  expect([isOwn(empty, false), isOwn({ ...empty, title: '  ' }, false), isOwn(empty, true), isOwn({ ...empty, support: 'x' }, false)]).toEqual([false, false, true, true])
})

it.each([
  ['«acme» & Co', 'A'],
  ['42 schools', '4'],
  ['भारत', 'भ'],
  ['—', '#'],
])('marks %s with %s', (title, letter) => expect(letterOf(title)).toBe(letter))
