import { expect, it } from 'vitest'
import { styleByScript } from './styles'

it('sets styles by script, and every other attribute as ever', () => {
  styleByScript(HTMLSpanElement)
  const span = document.createElement('span')
  span.setAttribute('style', 'color: rgb(1, 2, 3);')
  span.setAttribute('style', `${span.getAttribute('style') ?? ''}letter-spacing: 1px;`)
  span.setAttribute('title', 'a')
  expect(span.style.color).toBe('rgb(1, 2, 3)')
  expect(span.style.letterSpacing).toBe('1px')
  expect(span.title).toBe('a')
})
