import { describe, expect, it } from 'vitest'
import { decodeFrame, encodeFrame, FrameError, FrameType, InputQueue, maxData, maxPending, OutputCursor, packSize, unpackSize } from './protocol'

const bytes = (...values: number[]) => Uint8Array.of(...values)
const text = (value: string) => Uint8Array.from(value, (c) => c.charCodeAt(0))

/** What the other side would send. */
function message(type: number, n: number, data = bytes()): ArrayBuffer {
  return encodeFrame(type as FrameType, n, data).buffer
}

function frames(encoded: Uint8Array[]): { type: number | undefined; n: number; data: Uint8Array }[] {
  return encoded.map((f) => ({
    type: f[0],
    n: Number(new DataView(f.buffer).getBigUint64(1)),
    data: f.subarray(9),
  }))
}

describe('frames', () => {
  it('are one byte of type, eight of N, big-endian, then data', () => {
    expect(encodeFrame(FrameType.input, 0x0102, bytes(0, 255, 13))).toEqual(bytes(16, 0, 0, 0, 0, 0, 0, 1, 2, 0, 255, 13))
  })

  it('keep every byte and offsets beyond 32 bits', () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i)
    const frame = decodeFrame(message(FrameType.output, 2 ** 40 + 1, all))
    expect(frame).toEqual({ type: FrameType.output, n: 2 ** 40 + 1, data: all })
  })

  it.each([
    ['too short', new ArrayBuffer(8)],
    ['too long', new ArrayBuffer(9 + maxData + 1)],
    ['of an unknown type', message(99, 0)],
    ['of a type that only we send', message(FrameType.input, 1)],
    ['an acknowledgement with data', message(FrameType.inputAck, 1, bytes(1))],
  ])('are refused: %s', (_, bad) => {
    expect(() => decodeFrame(bad)).toThrow(FrameError)
  })

  it('carry a size in both halves of N', () => {
    expect(unpackSize(packSize(211, 58))).toEqual({ columns: 211, rows: 58 })
  })
})

describe('InputQueue', () => {
  it('numbers frames from 1 and cuts long input', () => {
    const queue = new InputQueue()
    expect(frames(queue.add(text('ls\r'))).map((f) => f.n)).toEqual([1])
    const long = frames(queue.add(new Uint8Array(maxData * 2 + 1)))
    expect(long.map((f) => [f.n, f.data.length])).toEqual([
      [2, maxData],
      [3, maxData],
      [4, 1],
    ])
  })

  it('offers again what was not acknowledged, with the same numbers', () => {
    const queue = new InputQueue()
    'abc'.split('').forEach((c) => queue.add(text(c)))
    queue.acknowledge(2)
    expect(frames(queue.unacknowledged())).toEqual([{ type: FrameType.input, n: 3, data: text('c') }])
    queue.acknowledge(3)
    expect(queue.waiting).toBe(false)
  })

  it('refuses input beyond its bound and takes it again after an acknowledgement', () => {
    const queue = new InputQueue()
    expect(queue.add(new Uint8Array(maxPending)).length).toBeGreaterThan(0)
    expect(queue.add(text('x'))).toEqual([])
    queue.acknowledge(Infinity)
    expect(queue.add(text('x'))).toHaveLength(1)
  })

  it('keeps a copy: the caller may reuse its buffer', () => {
    const queue = new InputQueue()
    const buffer = text('a')
    queue.add(buffer)
    buffer[0] = 0
    expect(frames(queue.unacknowledged())[0]?.data).toEqual(text('a'))
  })
})

describe('OutputCursor', () => {
  it('drops what was shown before a reconnect', () => {
    const cursor = new OutputCursor()
    cursor.take(0, text('hello'))
    expect(cursor.take(3, text('lo world'))).toEqual({ data: text(' world'), lost: 0 })
    expect(cursor.take(0, text('hello'))).toEqual({ data: bytes(), lost: 0 })
    expect(cursor.received).toBe(11)
  })

  it('counts bytes that the server no longer had', () => {
    const cursor = new OutputCursor()
    cursor.take(0, text('abc'))
    expect(cursor.take(10, text('def'))).toEqual({ data: text('def'), lost: 7 })
  })

  it('acknowledges when the screen has caught up, and on the way at every 64 KiB', () => {
    const cursor = new OutputCursor()
    cursor.take(0, new Uint8Array(maxData))
    cursor.take(maxData, new Uint8Array(maxData))
    cursor.take(2 * maxData, new Uint8Array(maxData))
    expect(cursor.processed(maxData)).toBeUndefined()
    expect(frames([cursor.processed(2 * maxData) ?? bytes()])[0]).toMatchObject({ type: FrameType.outputAck, n: 2 * maxData })
    expect(frames([cursor.processed(3 * maxData) ?? bytes()])[0]?.n).toBe(3 * maxData)
    expect(cursor.processed(3 * maxData)).toBeUndefined()
  })
})
