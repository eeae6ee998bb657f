/**
 * The frames of a terminal, as the server and the agent encode them: one byte of type, eight bytes of N (big-endian),
 * then data. One WebSocket message is one frame.
 */
export const FrameType = {
  output: 1, // to us: N is the byte offset of data in the terminal's whole output; a jump means lost bytes
  inputAck: 2, // to us: every input frame of ours up to N was typed
  size: 3, // to us: the terminal is N>>16 columns by N&0xffff rows now
  exit: 4, // to us: the shell ended with code N; the next attachment starts a new one
  input: 16, // from us: N is our frame number, from 1 on; numbers already seen are dropped
  outputAck: 17, // from us: output up to offset N is on the screen; the server sends one window ahead at most
  resize: 18, // from us: N is columns<<16 | rows
} as const

export type FrameType = (typeof FrameType)[keyof typeof FrameType]

export interface Frame {
  type: FrameType
  n: number
  data: Uint8Array
}

const header = 9
/** The most data that one frame carries. */
export const maxData = 32 * 1024
const nothing = new Uint8Array(0)
const toUs = new Set<number>([FrameType.output, FrameType.inputAck, FrameType.size, FrameType.exit])

export class FrameError extends Error {}

export function encodeFrame(type: FrameType, n: number, data: Uint8Array = nothing): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(header + data.length)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, type)
  view.setBigUint64(1, BigInt(n))
  bytes.set(data, header)
  return bytes
}

/** Decodes one whole message; data is a view of it. */
export function decodeFrame(message: ArrayBuffer): Frame {
  if (message.byteLength < header || message.byteLength > header + maxData) {
    throw new FrameError(`a frame of ${message.byteLength} bytes`)
  }
  const view = new DataView(message)
  const type = view.getUint8(0)
  const data = new Uint8Array(message, header)
  if (!toUs.has(type)) throw new FrameError(`a frame of unknown type ${type}`)
  if (type !== FrameType.output && data.length > 0) throw new FrameError(`a frame of type ${type} carries data`)
  return { type: type as FrameType, n: Number(view.getBigUint64(1)), data }
}

export function packSize(columns: number, rows: number): number {
  return columns * 0x10000 + rows
}

export function unpackSize(n: number): { columns: number; rows: number } {
  return { columns: Math.floor(n / 0x10000), rows: n % 0x10000 }
}

/** The most input that waits for its acknowledgement: far above any typing, below a pasted disk image. */
export const maxPending = 1 << 20

/** Input on its way: numbered frames that are kept until the server says that they were typed. */
export class InputQueue {
  private next = 1
  private size = 0
  private pending: { n: number; data: Uint8Array }[] = []

  /** Numbers data, cut into frames. Returns none and keeps nothing when too much is waiting already. */
  add(data: Uint8Array): Uint8Array<ArrayBuffer>[] {
    if (data.length === 0 || this.size + data.length > maxPending) return []
    const first = this.pending.length
    for (let at = 0; at < data.length; at += maxData) {
      this.pending.push({ n: this.next++, data: data.slice(at, at + maxData) })
    }
    this.size += data.length
    return this.encode(first)
  }

  /** Forgets what was typed. */
  acknowledge(n: number): void {
    while (this.pending[0] && this.pending[0].n <= n) {
      this.size -= this.pending[0].data.length
      this.pending.shift()
    }
  }

  /** Everything unacknowledged, to be sent again after a reconnect: the other side drops what it has seen. */
  unacknowledged(): Uint8Array<ArrayBuffer>[] {
    return this.encode(0)
  }

  get waiting(): boolean {
    return this.pending.length > 0
  }

  private encode(first: number): Uint8Array<ArrayBuffer>[] {
    return this.pending.slice(first).map(({ n, data }) => encodeFrame(FrameType.input, n, data))
  }
}

/** Acknowledge at the latest after this many bytes: a quarter of the server's window, so that it never runs dry. */
const ackEvery = 64 * 1024

/** Output on its way to the screen: drops what was seen before a reconnect, notices gaps, and tells when to acknowledge. */
export class OutputCursor {
  /** The offset up to which output has arrived: where a new connection begins. */
  received = 0
  private shown = 0
  private acknowledged = 0

  /** Takes a frame. data is what is new of it; lost counts the bytes that the server no longer had. */
  take(offset: number, data: Uint8Array): { data: Uint8Array; lost: number } {
    const lost = Math.max(0, offset - this.received)
    const seen = Math.max(0, this.received - offset)
    const fresh = data.subarray(Math.min(seen, data.length))
    this.received = Math.max(this.received, offset + data.length)
    return { data: fresh, lost }
  }

  /** The screen has processed output up to offset. Returns the frame to send, if it is time for one. */
  processed(offset: number): Uint8Array<ArrayBuffer> | undefined {
    this.shown = Math.max(this.shown, offset)
    const idle = this.shown === this.received
    if (this.shown === this.acknowledged || (!idle && this.shown - this.acknowledged < ackEvery)) return undefined
    return this.acknowledge()
  }

  /** What the screen has processed so far; the first frame on a new connection. */
  acknowledge(): Uint8Array<ArrayBuffer> {
    this.acknowledged = this.shown
    return encodeFrame(FrameType.outputAck, this.shown)
  }
}
