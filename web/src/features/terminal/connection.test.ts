import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError } from '@/lib/api/problem'
import { TerminalConnection, type ConnectionState } from './connection'
import { encodeFrame, FrameType, packSize } from './protocol'

/** The other end of the wire: every socket that was opened, and what came through it. */
class Socket {
  static all: Socket[] = []
  static readonly OPEN = 1
  binaryType = ''
  readyState = 0
  sent: { type: number | undefined; n: number; data: string }[] = []
  onopen?: () => void
  onmessage?: (event: { data: unknown }) => void
  onclose?: (event: { code: number }) => void

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    Socket.all.push(this)
  }

  send(frame: Uint8Array<ArrayBuffer>) {
    const n = Number(new DataView(frame.buffer).getBigUint64(1))
    this.sent.push({ type: frame[0], n, data: new TextDecoder().decode(frame.subarray(9)) })
  }

  close(code = 1005) {
    this.drop(code)
  }

  open() {
    this.readyState = Socket.OPEN
    this.onopen?.()
  }

  drop(code: number) {
    if (this.readyState === 3) return
    this.readyState = 3
    this.onclose?.({ code })
  }

  deliver(type: FrameType, n: number, data = '') {
    this.onmessage?.({ data: encodeFrame(type, n, new TextEncoder().encode(data)).buffer })
  }

  inputs() {
    return this.sent.filter((frame) => frame.type === FrameType.input)
  }
}

function start(ticket: () => Promise<string> = () => Promise.resolve('secret')) {
  const seen = { text: '', states: [] as ConnectionState[], sizes: [] as number[][], codes: [] as number[], lost: 0 }
  const connection = new TerminalConnection(
    { path: '/v1/sessions/s/terminals/1', ticket },
    {
      write: (data, done) => {
        seen.text += new TextDecoder().decode(data)
        done()
      },
      lost: (bytes) => (seen.lost += bytes),
      size: (columns, rows) => seen.sizes.push([columns, rows]),
      exit: (code) => seen.codes.push(code),
      state: (state) => seen.states.push(state),
    },
  )
  connection.resize(100, 30)
  const ran = connection.run()
  return { connection, seen, ran }
}

async function socket(number: number): Promise<Socket> {
  await vi.waitFor(() => expect(Socket.all.length).toBeGreaterThan(number))
  const found = Socket.all[number]
  if (!found) throw new Error('no socket')
  return found
}

describe('TerminalConnection', () => {
  beforeEach(() => {
    Socket.all = []
    vi.stubGlobal('WebSocket', Socket)
    vi.spyOn(Math, 'random').mockReturnValue(0)
    vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 500 })
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
    vi.restoreAllMocks()
  })

  it('opens with its ticket in the protocol, never in the address', async () => {
    start()
    const first = await socket(0)
    expect(first.protocols).toEqual(['cloudkida.terminal.v1', 'ticket.secret'])
    expect(first.url).not.toContain('secret')
    const query = new URL(first.url).searchParams
    expect([query.get('cols'), query.get('rows'), query.get('offset')]).toEqual(['100', '30', '0'])
  })

  it('acknowledges output once it is on the screen', async () => {
    const { seen } = start()
    const first = await socket(0)
    first.open()
    first.deliver(FrameType.output, 0, 'hello')
    expect(seen.text).toBe('hello')
    expect(first.sent.at(-1)).toMatchObject({ type: FrameType.outputAck, n: 5 })
  })

  it('goes on where it stopped: same client, its offset, and what was not acknowledged', async () => {
    const { connection, seen } = start()
    const first = await socket(0)
    first.open()
    first.deliver(FrameType.output, 0, '$ ')
    connection.send(new TextEncoder().encode('a'))
    connection.send(new TextEncoder().encode('b'))
    first.deliver(FrameType.inputAck, 1)
    first.drop(1006)
    connection.send(new TextEncoder().encode('c'))
    const second = await socket(1)
    second.open()
    const [before, after] = [first, second].map((s) => new URL(s.url).searchParams)
    expect(after?.get('client')).toBe(before?.get('client'))
    expect(after?.get('offset')).toBe('2')
    expect(second.inputs().map(({ n, data }) => [n, data])).toEqual([
      [2, 'b'],
      [3, 'c'],
    ])
    second.deliver(FrameType.output, 0, '$ bc')
    expect(seen.text).toBe('$ bc')
    expect(seen.states).toEqual(['connecting', 'connected', 'reconnecting', 'connected'])
  })

  it('leaves a connection on which input stays unanswered', async () => {
    const { connection } = start()
    const first = await socket(0)
    first.open()
    connection.send(new TextEncoder().encode('x'))
    await vi.advanceTimersByTimeAsync(11_000)
    expect(first.readyState).toBe(3)
    const second = await socket(1)
    second.open()
    expect(second.inputs()).toHaveLength(1)
  })

  it('takes the size that the terminal has', async () => {
    const { seen } = start()
    const first = await socket(0)
    first.open()
    first.deliver(FrameType.size, packSize(120, 40))
    expect(seen.sizes).toEqual([[120, 40]])
  })

  it.each([
    [4003, 'gone'],
    [4004, 'gone'],
    [4029, 'crowded'],
  ])('stays away after %i', async (code, state) => {
    const { seen, ran } = start()
    const first = await socket(0)
    first.open()
    first.drop(code)
    await ran
    expect(seen.states.at(-1)).toBe(state)
    expect(Socket.all).toHaveLength(1)
  })

  it('stays away when the ticket is refused, and tries again when the server is away', async () => {
    const refused = start(() => Promise.reject(new ApiError(404, {})))
    await refused.ran
    expect(refused.seen.states).toEqual(['connecting', 'gone'])
    let calls = 0
    start(() => (++calls < 3 ? Promise.reject(new ApiError(503, {})) : Promise.resolve('ticket')))
    await socket(0)
    expect(calls).toBe(3)
  })

  it('ends with the shell and starts a new one when asked', async () => {
    const { connection, seen, ran } = start()
    const first = await socket(0)
    first.open()
    first.deliver(FrameType.exit, 130)
    await ran
    expect(seen.codes).toEqual([130])
    expect(seen.states.at(-1)).toBe('exited')
    void connection.run()
    await socket(1)
  })

  it('is silent after close', async () => {
    const { connection, seen, ran } = start()
    const first = await socket(0)
    first.open()
    connection.close()
    await ran
    expect(seen.states).toEqual(['connecting', 'connected'])
    expect(Socket.all).toHaveLength(1)
  })
})
