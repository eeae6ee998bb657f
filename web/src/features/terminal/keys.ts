import type { Terminal } from '@xterm/xterm'

interface KeyActions {
  search: () => void
  leave: () => void
  larger: () => void
  smaller: () => void
}

/**
 * Keys that are ours, not the shell's. All carry Ctrl-Shift (or are F6), so that no program loses a key it may use:
 * Ctrl-Shift-C copies, Ctrl-Shift-V pastes, Ctrl-Shift-F searches, F6 leaves the terminal.
 */
export function handleKeys(term: Terminal, actions: KeyActions): void {
  term.attachCustomKeyEventHandler((event) => {
    if (event.key === 'F6') {
      if (event.type === 'keydown') actions.leave()
      event.preventDefault()
      return false
    }
    if (!event.shiftKey || !(event.ctrlKey || event.metaKey)) return true
    const action = shifted(term, actions, event.code)
    if (!action) return true
    if (action !== 'browser') {
      event.preventDefault()
      if (event.type === 'keydown') action()
    }
    return false
  })
}

function shifted(term: Terminal, actions: KeyActions, code: string): (() => void) | 'browser' | undefined {
  switch (code) {
    case 'KeyC':
      return () => void navigator.clipboard.writeText(term.getSelection())
    case 'KeyV':
      return 'browser' // it pastes, and the paste event passes our guard
    case 'KeyF':
      return actions.search
    case 'Equal':
      return actions.larger
    case 'Minus':
      return actions.smaller
    default:
      return undefined
  }
}
