import { expect, test } from 'vitest'
import { ownParts, shownParts } from './api'

const program = { subject: 'Come', text: 'Come: {{.link}}', html: '<a href="{{.link}}">Come</a>' }

test('parts that are as the program says stay the program’s', () => {
  expect(ownParts({ ...program, subject: 'Komm', text: `${program.text}\n` }, program)).toEqual({ subject: 'Komm', text: '', html: '' })
  expect(ownParts(program, program)).toEqual({ subject: '', text: '', html: '' })
})

test('where the organisation says nothing, the program’s words are there to begin with', () => {
  expect(shownParts({ subject: '', text: 'Own', html: '' }, program)).toEqual({ ...program, text: 'Own' })
})
