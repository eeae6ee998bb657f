import { describe, expect, it } from 'vitest'
import { backoff, EventParser } from './events'

function parse(...pieces: string[]) {
  const parser = new EventParser()
  return pieces.flatMap((piece) => parser.push(piece))
}

describe('EventParser', () => {
  it('reads events, however the text is cut', () => {
    const stream = 'event: session\ndata: {"a":1}\n\n: alive\n\nevent: ended\ndata: {}\n\n'
    const events = [
      { event: 'session', data: '{"a":1}' },
      { event: 'ended', data: '{}' },
    ]
    expect(parse(stream)).toEqual(events)
    expect(parse(...stream.split(''))).toEqual(events)
  })

  it('joins lines of data and knows all line ends', () => {
    expect(parse('data: one\r\ndata:two\r\n\r\n')).toEqual([{ event: 'message', data: 'one\ntwo' }])
    expect(parse('data: x\r', '\n\r\n')).toEqual([{ event: 'message', data: 'x' }])
  })

  it('says nothing for comments, for events without data, or before the empty line', () => {
    expect(parse(': alive\n\n', 'event: nothing\n\n', 'data: unfinished\n')).toEqual([])
  })
})

describe('backoff', () => {
  it('grows from half a second and stays within 12.5 s', () => {
    for (let attempt = 0; attempt < 40; attempt++) {
      expect(backoff(attempt)).toBeGreaterThanOrEqual(375)
      expect(backoff(attempt)).toBeLessThanOrEqual(12_500)
    }
    expect(backoff(0)).toBeLessThanOrEqual(625)
  })
})
