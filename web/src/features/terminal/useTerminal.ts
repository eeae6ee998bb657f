import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef, useState, type RefObject } from 'react'
import { api, ok } from '@/lib/api/client'
import { t } from '@/lib/i18n'
import { TerminalConnection, type ConnectionState } from './connection'
import { accelerate, applySettings, newEmulator, openIn, type Emulator } from './emulator'
import { changeSettings, useSettings, type Settings } from './settings'
import { handleKeys } from './keys'

export interface LiveTerminal extends Emulator {
  connection: TerminalConnection
}

interface Options {
  session: string
  name: string
  onSearch: () => void
  onLeave: () => void
  onState: (state: ConnectionState) => void
}

/** Puts one terminal of a session into host and keeps it connected. undefined until the fonts are there. */
export function useTerminal(host: RefObject<HTMLDivElement | null>, options: Options): LiveTerminal | undefined {
  const { session, name } = options
  const settings = useSettings()
  const scheme = useComputedColorScheme('light')
  const [live, setLive] = useState<LiveTerminal>()
  const latest = useRef({ options, settings, scheme })
  useEffect(() => {
    latest.current = { options, settings, scheme }
  })

  useEffect(() => {
    const element = host.current
    if (!element) return
    let terminal: LiveTerminal | undefined
    let left = false
    void fontsReady().then(() => {
      if (left) return
      terminal = open(element, session, name, () => latest.current)
      setLive(terminal)
    })
    return () => {
      left = true
      terminal?.connection.close()
      terminal?.term.dispose()
      setLive(undefined)
    }
  }, [host, session, name])

  useEffect(() => {
    if (!live) return
    applySettings(live, settings, scheme)
    fitTo(live)
  }, [live, scheme, settings])

  return live
}

/** xterm measures a cell once: the terminal's font must be there first. A second at most; the fallback is monospaced too. */
async function fontsReady(): Promise<void> {
  const load = document.fonts.load("14px 'JetBrains Mono Variable'").catch(() => undefined)
  await Promise.race([load, new Promise((resolve) => setTimeout(resolve, 1000))])
}

type Latest = () => { options: Options; settings: Settings; scheme: 'light' | 'dark' }

function open(element: HTMLElement, session: string, name: string, latest: Latest): LiveTerminal {
  const { settings, scheme } = latest()
  const emulator = newEmulator(settings, scheme)
  const { term } = emulator
  let ended = false
  const connection = new TerminalConnection(
    { path: `/v1/sessions/${session}/terminals/${encodeURIComponent(name)}`, ticket: () => ticket(session) },
    {
      write: (data, done) => term.write(data, done),
      lost: (bytes) => term.write(`\r\n\x1b[2m${t('terminal.lost', { count: bytes })}\x1b[0m\r\n`),
      size: (columns, rows) => term.resize(columns, rows),
      exit: (code) => term.write(`\r\n\x1b[2m${t('terminal.exited', { code })}\x1b[0m\r\n`),
      state: (state) => {
        ended = state === 'exited' || state === 'crowded'
        latest().options.onState(state)
      },
    },
  )
  const live = { ...emulator, connection }
  const type = (data: Uint8Array) => {
    if (ended) return data.includes(enter) ? void connection.run() : undefined
    fitTo(live) // two browsers may look at one terminal: it has the size that suits whoever types
    connection.send(data)
  }
  term.onData((data) => type(encoder.encode(data)))
  // Mouse reports of old programs are bytes, not text: each character is one byte.
  term.onBinary((data) => type(Uint8Array.from(data, (c) => c.charCodeAt(0))))
  handleKeys(term, keyActions(latest))
  openIn(element, emulator)
  connection.resize(term.cols, term.rows)
  void accelerate(term)
  void connection.run()
  return live
}

function keyActions(latest: Latest) {
  return {
    search: () => latest().options.onSearch(),
    leave: () => latest().options.onLeave(),
    larger: () => changeSettings({ fontSize: latest().settings.fontSize + 1 }),
    smaller: () => changeSettings({ fontSize: latest().settings.fontSize - 1 }),
  }
}

async function ticket(session: string): Promise<string> {
  const answer = await ok(api.POST('/v1/sessions/{id}/tickets', { params: { path: { id: session } }, body: { kind: 'terminal' } }))
  return answer.ticket ?? ''
}

const encoder = new TextEncoder()
const enter = 13

/** Fits the terminal to its place on the page and tells the other side. Hidden ones keep their size. */
export function fitTo({ fit, connection, term }: LiveTerminal): void {
  const size = fit.proposeDimensions()
  if (!size || Number.isNaN(size.cols) || size.cols < 2 || size.rows < 2) return
  if (size.cols === term.cols && size.rows === term.rows) return
  term.resize(size.cols, size.rows)
  connection.resize(size.cols, size.rows)
}

/** Runs a command as if it were typed; interrupt stops first what is running. Several lines arrive as one paste. */
export async function runIn({ term, connection }: LiveTerminal, code: string, interrupt: boolean): Promise<void> {
  await prompt(term)
  if (interrupt) {
    connection.send(Uint8Array.of(3))
    await wait(200) // the shell takes a moment to come back and to drop what was typed before
  }
  term.paste(code.replace(/\n+$/, ''))
  term.input('\r')
  term.scrollToBottom()
  term.focus()
}

/** Resolves when a fresh shell has written its prompt: what comes earlier would be shown twice. */
function prompt(term: LiveTerminal['term']): Promise<void> {
  if (term.buffer.active.cursorX > 0 || term.buffer.active.baseY + term.buffer.active.cursorY > 0) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      listener.dispose()
      resolve()
    }
    const listener = term.onCursorMove(done)
    setTimeout(done, 5000)
  })
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
