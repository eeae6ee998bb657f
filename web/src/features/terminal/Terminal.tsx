import '@xterm/xterm/css/xterm.css'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { ConnectionState } from './connection'
import { PasteGuard, useMultilinePaste } from './PasteGuard'
import { SearchBar } from './SearchBar'
import { StatusBar } from './StatusBar'
import classes from './Terminal.module.css'
import { fitTo, runIn, useTerminal } from './useTerminal'

/** What the page may do with a terminal. */
export interface TerminalHandle {
  run: (code: string, interrupt: boolean) => void
  focus: () => void
}

interface Props {
  session: string
  name: string
  /** The tab that is seen; the others stay connected and keep their screens. */
  active: boolean
  onHandle: (handle: TerminalHandle | null) => void
  /** F6: the keyboard moves on to the next part of the page. */
  onLeave: () => void
}

/** One terminal of a session: the emulator, its search, and a status bar. */
export default function Terminal({ session, name, active, onHandle, onLeave }: Props) {
  const { t } = useTranslation()
  const host = useRef<HTMLDivElement>(null)
  const [state, setState] = useState<ConnectionState>('connecting')
  const [searching, setSearching] = useState(false)
  const live = useTerminal(host, { session, name, onSearch: () => setSearching(true), onLeave, onState: setState })
  const [pasted, setPasted] = useMultilinePaste(host, live?.term)

  useEffect(() => {
    if (!live) return
    onHandle({ run: (code, interrupt) => void runIn(live, code, interrupt), focus: () => live.term.focus() })
    return () => onHandle(null)
  }, [live, onHandle])

  useEffect(() => {
    const element = host.current
    if (!live || !active || !element) return
    const observer = new ResizeObserver(() => fitTo(live))
    observer.observe(element)
    live.term.focus()
    return () => observer.disconnect()
  }, [live, active])

  const closeSearch = () => {
    setSearching(false)
    live?.search.clearDecorations()
    live?.term.focus()
  }

  return (
    <section className={classes.terminal} hidden={!active} aria-label={t('terminal.label', { name })}>
      {searching && live && <SearchBar search={live.search} onClose={closeSearch} />}
      <div ref={host} className={classes.screen} data-testid={`terminal-${name}`} />
      <StatusBar state={state} onSearch={() => setSearching(true)} />
      <PasteGuard
        text={pasted}
        onPaste={(text) => live?.term.paste(text)}
        onClose={() => {
          setPasted(undefined)
          live?.term.focus()
        }}
      />
    </section>
  )
}
