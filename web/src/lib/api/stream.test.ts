import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { followEvents } from './events'
import { problemOf } from './problem'

type Send = (request: Request) => Promise<Response>

/** A stream that the test feeds and breaks. Like fetch's, it ends with the signal of its request. */
function stream() {
  let feed: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>({ start: (controller) => void (feed = controller) })
  const breaks = () => feed?.error(new TypeError('network error'))
  const answer: Send = ({ signal }) => {
    signal.addEventListener('abort', breaks, { once: true })
    return Promise.resolve(new Response(body, { status: 200 }))
  }
  return { answer, breaks, says: (text: string) => feed?.enqueue(new TextEncoder().encode(text)) }
}

function follow(send: Send) {
  const life = new AbortController()
  const log: string[] = []
  const done = followEvents(
    '/v1/sessions/1/events',
    { send, onEvent: ({ data }) => log.push(data), onOpen: () => log.push('open'), onLost: () => log.push('lost') },
    life.signal,
  )
  return { log, done, life }
}

/** Lets everything run that is due within so many milliseconds. */
const after = (ms: number) => vi.advanceTimersByTimeAsync(ms)

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

describe('a stream of events', () => {
  it('that breaks is said, resumes by itself, and goes on', async () => {
    const [first, second] = [stream(), stream()]
    const send = vi.fn<Send>().mockImplementationOnce(first.answer).mockImplementationOnce(second.answer)
    const { log, done, life } = follow(send)
    await after(1)
    first.says('data: one\n\ndata: tw')
    await after(1)
    first.breaks()
    await after(1)
    expect(log).toEqual(['open', 'one', 'lost'])
    expect(send).toHaveBeenCalledTimes(1)
    await after(1000)
    second.says('data: two\n\n')
    await after(1)
    expect(log).toEqual(['open', 'one', 'lost', 'open', 'two']) // the half event of before is no part of it
    life.abort()
    await done
  })

  it('that falls silent is lost, though nothing broke', async () => {
    const [first, second] = [stream(), stream()]
    const send = vi.fn<Send>().mockImplementationOnce(first.answer).mockImplementation(second.answer)
    const { log, done, life } = follow(send)
    await after(1)
    await after(39_000)
    first.says(': alive\n\n')
    await after(39_000)
    expect(log).toEqual(['open'])
    await after(2_000)
    expect(log.slice(0, 2)).toEqual(['open', 'lost'])
    life.abort()
    await done
  })

  it('resumes at once when the network is back', async () => {
    const good = stream()
    const send = vi.fn<Send>().mockRejectedValueOnce(new TypeError('offline')).mockImplementationOnce(good.answer)
    const { log, done, life } = follow(send)
    await after(1)
    expect(log).toEqual(['lost'])
    window.dispatchEvent(new Event('online'))
    await after(1)
    expect(log).toEqual(['lost', 'open'])
    life.abort()
    await done
  })

  it('that is refused is not asked for again', async () => {
    const send = vi.fn(() => Promise.resolve(new Response(JSON.stringify({ detail: 'Not yours.' }), { status: 403 })))
    const { log, done } = follow(send)
    await expect(done).rejects.toMatchObject({ status: 403 })
    expect(log).toEqual([])
    expect(problemOf(new Response(null, { status: 429 }), null).passing).toBe(true) // too much is asked again, later
  })
})
