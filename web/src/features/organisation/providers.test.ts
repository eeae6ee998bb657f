import { expect, test } from 'vitest'
import { linesOf, mapOf } from './providers'

test('a mapping is one line a value, and comes back as it was', () => {
  const map = { teachers: 'instructor', 'cn=it,dc=acme': 'admin' }
  expect(linesOf(map)).toBe('teachers = instructor\ncn=it,dc=acme = admin')
  expect(mapOf(linesOf(map))).toEqual(map)
})

test('empty lines are none, and a line without a name is for the server to refuse', () => {
  expect(mapOf('\n  \n a =  b \nc')).toEqual({ a: 'b', c: '' })
})
