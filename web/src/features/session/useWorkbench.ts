import { useCallback, useState } from 'react'
import { keep, recall } from '@/lib/storage'

/** The tabs of one session's workbench. A tab is "terminal:1" or "port:web". */
export interface Tabs {
  terminals: string[]
  active: string
}

interface Kept extends Tabs {
  session: string
}

const storageKey = 'workbenches'
/** As many sessions are remembered; older ones begin with one terminal again. */
const remembered = 8
/** Terminals 1 to 9. */
export const maxTerminals = 9

export function terminalTab(name: string): string {
  return `terminal:${name}`
}

export function portTab(name: string): string {
  return `port:${name}`
}

function isKept(value: unknown): value is Kept[] {
  return Array.isArray(value) && value.every((v: Partial<Kept> | null) => typeof v?.session === 'string' && Array.isArray(v.terminals) && typeof v.active === 'string')
}

function load(session: string): Tabs {
  const kept = recall('workbenches', [], isKept).find((k) => k.session === session)
  const terminals = kept?.terminals.filter((name) => /^[1-9]$/.test(name)) ?? []
  return terminals.length > 0 && kept ? { terminals, active: kept.active } : { terminals: ['1'], active: terminalTab('1') }
}

function save(session: string, tabs: Tabs): void {
  const others = recall('workbenches', [], isKept).filter((k) => k.session !== session)
  keep(storageKey, [{ session, ...tabs }, ...others].slice(0, remembered))
}

/** The tabs of a session and what can be done with them; a reload brings the same ones back. */
export function useWorkbench(session: string) {
  const [tabs, setTabs] = useState(() => load(session))
  const change = useCallback(
    (next: (tabs: Tabs) => Tabs) =>
      setTabs((before) => {
        const after = next(before)
        save(session, after)
        return after
      }),
    [session],
  )
  const activate = useCallback((active: string) => change((tabs) => ({ ...tabs, active })), [change])
  const open = useCallback((name: string) => change((tabs) => openTerminal(tabs, name)), [change])
  const openNext = useCallback(() => change((tabs) => openTerminal(tabs, firstFree(tabs.terminals))), [change])
  const close = useCallback((name: string) => change((tabs) => closeTerminal(tabs, name)), [change])
  return { ...tabs, activate, open, openNext, close }
}

export function firstFree(terminals: string[]): string {
  for (let n = 1; n <= maxTerminals; n++) {
    if (!terminals.includes(String(n))) return String(n)
  }
  return String(maxTerminals)
}

export function openTerminal({ terminals }: Tabs, name: string): Tabs {
  return { terminals: terminals.includes(name) ? terminals : [...terminals, name].sort(), active: terminalTab(name) }
}

/** Closes a tab; its shell goes on and is there again when the tab is opened. The last tab stays. */
export function closeTerminal(tabs: Tabs, name: string): Tabs {
  const at = tabs.terminals.indexOf(name)
  if (at < 0 || tabs.terminals.length === 1) return tabs
  const terminals = tabs.terminals.filter((other) => other !== name)
  const neighbour = terminals[Math.min(at, terminals.length - 1)] ?? '1'
  return { terminals, active: tabs.active === terminalTab(name) ? terminalTab(neighbour) : tabs.active }
}
