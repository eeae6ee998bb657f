import { describe, expect, it } from 'vitest'
import { suggestName } from './words'

describe('suggestName', () => {
  it.each([
    ['Example University', 'example-university'],
    ['Étude & Co.', 'etude-co'],
    ['  --  ', ''],
    ['x'.repeat(60), 'x'.repeat(40)],
  ])('%s', (title, name) => expect(suggestName(title)).toBe(name))
})
