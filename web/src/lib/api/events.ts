import { authorizedFetch } from './client'
import { problemOf } from './problem'

/** One event of a text/event-stream. */
export interface ServerEvent {
  event: string
  data: string
}

/** Reads server-sent events from pieces of text, however they are cut. Browsers' EventSource can send no token. */
export class EventParser {
  private rest = ''
  private event = ''
  private data: string[] = []

  push(piece: string): ServerEvent[] {
    const events: ServerEvent[] = []
    const lines = (this.rest + piece).split(/\r\n|\n|\r(?!$)/)
    this.rest = lines.pop() ?? ''
    for (const line of lines) {
      const event = this.line(line)
      if (event) events.push(event)
    }
    return events
  }

  private line(line: string): ServerEvent | undefined {
    if (line === '') return this.dispatch()
    const colon = line.indexOf(':')
    if (colon === 0) return undefined // a comment: the server's sign of life
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.event = value
    if (field === 'data') this.data.push(value)
    return undefined
  }

  private dispatch(): ServerEvent | undefined {
    const event = this.data.length > 0 ? { event: this.event || 'message', data: this.data.join('\n') } : undefined
    this.event = ''
    this.data = []
    return event
  }
}

/** Milliseconds without a byte after which a stream counts as dead: the server sends a comment every 15 s. */
const silence = 40_000

/** The wait before attempt n (from 0): 0.5 s doubling to 10 s, with jitter so that a restarted server is not stormed. */
export function backoff(attempt: number): number {
  return Math.min(10_000, 500 * 2 ** attempt) * (0.75 + Math.random() / 2)
}

/** Resolves after ms, at once when the network comes back, and never later than the signal's abort. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      window.removeEventListener('online', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    window.addEventListener('online', done)
    signal.addEventListener('abort', done)
  })
}

interface Follower {
  /** Sends the request; with the access token by default. */
  send?: (request: Request) => Promise<Response>
  onEvent: (event: ServerEvent) => void
  onOpen: () => void
  onLost: () => void
}

/** Follows a stream until signal, reconnecting by itself. A refusal (4xx) is thrown: trying again would not help. */
export async function followEvents(path: string, follower: Follower, signal: AbortSignal): Promise<void> {
  const ended = () => signal.aborted
  for (let attempt = 0; !ended(); attempt++) {
    const onOpen = () => {
      attempt = 0
      follower.onOpen()
    }
    try {
      await readOnce(path, { ...follower, onOpen }, signal)
    } catch (error) {
      if (ended()) return
      if (error instanceof Refused) throw error.cause
    }
    if (ended()) return
    follower.onLost()
    await pause(backoff(attempt), signal)
  }
}

class Refused extends Error {}

async function readOnce(path: string, follower: Follower, signal: AbortSignal): Promise<void> {
  const life = new AbortController()
  const both = AbortSignal.any([signal, life.signal])
  let timer = setTimeout(() => life.abort(), silence)
  try {
    const request = new Request(new URL(path, window.location.origin), {
      headers: { Accept: 'text/event-stream' },
      signal: both,
    })
    const response = await (follower.send ?? authorizedFetch)(request)
    if (!response.ok || !response.body) {
      const error = problemOf(response, await response.json().catch(() => null))
      throw error.passing ? error : new Refused('refused', { cause: error })
    }
    follower.onOpen()
    const parser = new EventParser()
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      clearTimeout(timer)
      timer = setTimeout(() => life.abort(), silence)
      parser.push(value).forEach(follower.onEvent)
    }
  } finally {
    clearTimeout(timer)
    life.abort()
  }
}
