import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { Unicode11Addon } from '@xterm/addon-unicode11'
import { WebLinksAddon } from '@xterm/addon-web-links'
import { Terminal } from '@xterm/xterm'
import { withNonce } from '@/lib/nonce'
import { styleByScript } from '@/lib/styles'
import type { Settings } from './settings'
import { terminalTheme } from './theme'

export interface Emulator {
  term: Terminal
  fit: FitAddon
  search: SearchAddon
}

styleByScript(HTMLSpanElement) // xterm's cells, whose colours may be any of 16 million

/** A terminal emulator with the addons that every terminal of ours has, not yet on the page. */
export function newEmulator(settings: Settings, scheme: 'light' | 'dark'): Emulator {
  const term = new Terminal({
    allowProposedApi: true, // unicode versions and search decorations
    fontFamily: "'JetBrains Mono Variable', ui-monospace, 'DejaVu Sans Mono', 'Cascadia Mono', Menlo, monospace",
    fontSize: settings.fontSize,
    lineHeight: 1.2,
    cursorBlink: true,
    scrollback: 5000,
    screenReaderMode: settings.screenReader,
    theme: terminalTheme(scheme),
    minimumContrastRatio: 4.5,
    macOptionIsMeta: true,
    rightClickSelectsWord: true,
  })
  const fit = new FitAddon()
  const search = new SearchAddon()
  term.loadAddon(fit)
  term.loadAddon(search)
  term.loadAddon(new Unicode11Addon())
  term.loadAddon(new WebLinksAddon(openLink))
  term.unicode.activeVersion = '11'
  return { term, fit, search }
}

/** Output of a sandbox is not trusted: its links open apart from us, and only on the web. */
function openLink(_: MouseEvent, uri: string): void {
  if (/^https?:/i.test(uri)) window.open(uri, '_blank', 'noopener,noreferrer')
}

export function applySettings({ term }: Emulator, settings: Settings, scheme: 'light' | 'dark'): void {
  term.options.theme = terminalTheme(scheme)
  term.options.fontSize = settings.fontSize
  term.options.screenReaderMode = settings.screenReader
}

/** Puts the emulator on the page. xterm writes its colours into style elements that it makes here. */
export function openIn(element: HTMLElement, { term, fit }: Emulator): void {
  withNonce(() => term.open(element))
  fit.fit()
}

/** The GPU's renderer: several times the speed of the DOM's. Without one, or when it is lost, the DOM's goes on. */
export async function accelerate(term: Terminal): Promise<void> {
  const { WebglAddon } = await import('@xterm/addon-webgl')
  try {
    const webgl = new WebglAddon()
    webgl.onContextLoss(() => withNonce(() => webgl.dispose()))
    term.loadAddon(webgl)
  } catch {
    // no WebGL 2 here
  }
}
