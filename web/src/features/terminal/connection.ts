import { backoff, pause } from '@/lib/api/events'
import { ApiError } from '@/lib/api/problem'
import { decodeFrame, encodeFrame, FrameType, InputQueue, OutputCursor, packSize, unpackSize } from './protocol'

export type ConnectionState = 'connecting' | 'connected' | 'reconnecting' | 'exited' | 'crowded' | 'gone'

/** Close codes after which trying again does not help, and what they mean. All others are passing. */
const finalCodes = new Map<number, ConnectionState>([
  [4003, 'gone'], // the user may not use the session any more
  [4004, 'gone'], // the session is not running
  [4029, 'crowded'], // too many connections are open
])

/** A connection that held for this long (ms) was a good one: the next attempt does not wait for long. */
const good = 5000

/** Input that nobody acknowledges for this long (ms) means a dead connection that the browser has not noticed. */
const ackPatience = 10_000

interface Screen {
  /** Shows bytes; done is called once they are processed, which is what the server's window waits for. */
  write: (data: Uint8Array, done: () => void) => void
  lost: (bytes: number) => void
  size: (columns: number, rows: number) => void
  exit: (code: number) => void
  state: (state: ConnectionState) => void
}

export interface Address {
  /** Path of the terminal, without query. */
  path: string
  /** Asks for a ticket, which opens one connection within 30 s. */
  ticket: () => Promise<string>
}

/**
 * One browser's attachment to one terminal. It reconnects by itself: output goes on where it stopped, input that was
 * not acknowledged is sent again. Its client id lives as long as the page, so that a duplicated tab is another client.
 */
export class TerminalConnection {
  private readonly client = crypto.randomUUID()
  private readonly input = new InputQueue()
  private readonly output = new OutputCursor()
  private readonly life = new AbortController()
  private socket: WebSocket | undefined
  private columns = 80
  private rows = 24
  private waiting: ReturnType<typeof setTimeout> | undefined
  private current: ConnectionState | undefined

  constructor(
    private readonly address: Address,
    private readonly screen: Screen,
  ) {}

  /** Connects and stays connected until close, the end of the shell, or the end of the session. */
  async run(): Promise<void> {
    this.state('connecting')
    for (let attempt = 0; ; attempt++) {
      const began = Date.now()
      const ended = await this.attach()
      if (ended || this.closed) return
      this.state('reconnecting')
      if (Date.now() - began > good) attempt = 0
      await pause(backoff(attempt), this.life.signal)
    }
  }

  /** Types bytes. False when too much input is waiting: it was not taken. */
  send(data: Uint8Array): boolean {
    if (data.length === 0) return true
    const frames = this.input.add(data)
    frames.forEach((frame) => this.transmit(frame))
    this.watch()
    return frames.length > 0
  }

  resize(columns: number, rows: number): void {
    this.columns = columns
    this.rows = rows
    this.transmit(encodeFrame(FrameType.resize, packSize(columns, rows)))
  }

  private get closed(): boolean {
    return this.life.signal.aborted
  }

  close(): void {
    this.life.abort()
    this.unwatch()
    this.socket?.close(1000)
  }

  /** One connection from ticket to close. True when there is nothing to come back to. */
  private async attach(): Promise<boolean> {
    let ticket: string
    try {
      ticket = await this.address.ticket()
    } catch (error) {
      const gone = error instanceof ApiError && !error.passing
      if (gone) this.state('gone')
      return gone
    }
    if (this.closed) return true
    const socket = new WebSocket(this.url(), ['cloudkida.terminal.v1', `ticket.${ticket}`])
    socket.binaryType = 'arraybuffer'
    this.socket = socket
    return new Promise((resolve) => {
      socket.onopen = () => this.greet()
      socket.onmessage = ({ data }) => this.receive(socket, data)
      socket.onclose = ({ code }) => {
        this.unwatch()
        const final = finalCodes.get(code)
        if (final) this.state(final)
        resolve(final !== undefined || this.current === 'exited')
      }
    })
  }

  private url(): string {
    const url = new URL(this.address.path, window.location.origin)
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
    url.search = new URLSearchParams({
      cols: String(this.columns),
      rows: String(this.rows),
      offset: String(this.output.received),
      client: this.client,
    }).toString()
    return url.href
  }

  /** The first frames of a connection: where we are, how large, and what may have been lost on the way. */
  private greet(): void {
    this.state('connected')
    this.transmit(this.output.acknowledge())
    this.transmit(encodeFrame(FrameType.resize, packSize(this.columns, this.rows)))
    this.input.unacknowledged().forEach((frame) => this.transmit(frame))
    this.watch()
  }

  private receive(socket: WebSocket, message: unknown): void {
    if (socket !== this.socket || !(message instanceof ArrayBuffer)) return
    const frame = decodeFrame(message)
    switch (frame.type) {
      case FrameType.output:
        this.show(frame.n, frame.data)
        break
      case FrameType.inputAck:
        this.input.acknowledge(frame.n)
        this.unwatch()
        this.watch()
        break
      case FrameType.size: {
        const { columns, rows } = unpackSize(frame.n)
        this.screen.size(columns, rows)
        break
      }
      case FrameType.exit:
        this.state('exited')
        this.screen.exit(frame.n)
        socket.close(1000)
        break
    }
  }

  private show(offset: number, data: Uint8Array): void {
    const first = this.output.received === 0
    const fresh = this.output.take(offset, data)
    if (fresh.lost > 0 && !first) this.screen.lost(fresh.lost)
    const end = offset + data.length
    this.screen.write(fresh.data, () => {
      const ack = this.output.processed(end)
      if (ack) this.transmit(ack)
    })
  }

  private transmit(frame: Uint8Array<ArrayBuffer>): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(frame)
  }

  private watch(): void {
    if (!this.input.waiting || this.waiting !== undefined || this.socket?.readyState !== WebSocket.OPEN) return
    this.waiting = setTimeout(() => {
      this.waiting = undefined
      this.abandon()
    }, ackPatience)
  }

  private unwatch(): void {
    clearTimeout(this.waiting)
    this.waiting = undefined
  }

  /** Leaves a connection that went silent without waiting for its closing handshake, which may take minutes. */
  private abandon(): void {
    const socket = this.socket
    if (!socket) return
    this.socket = undefined
    socket.close()
    socket.onclose?.(new CloseEvent('close', { code: 1006 }))
  }

  private state(state: ConnectionState): void {
    if (this.closed || state === this.current) return
    this.current = state
    this.screen.state(state)
  }
}
