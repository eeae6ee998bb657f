import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { Unicode11Addon } from '@xterm/addon-unicode11'
import { WebLinksAddon } from '@xterm/addon-web-links'
import { Terminal } from '@xterm/xterm'
import { nonce } from '@/lib/nonce'
import type { Settings } from './settings'
import { terminalTheme } from './theme'

export interface Emulator {
  term: Terminal
  fit: FitAddon
  search: SearchAddon
}

/** A terminal emulator with the addons that every terminal of ours has, not yet on the page. */
export function newEmulator(settings: Settings, scheme: 'light' | 'dark'): Emulator {
  const term = new Terminal({
    allowProposedApi: true, // unicode versions and search decorations
    documentOverride: documentWithNonce(),
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

/**
 * xterm writes its colours into style elements that it makes itself. The content policy wants a nonce on them, and
 * xterm offers no option for one, but it takes the document to make them with.
 */
function documentWithNonce(): Document {
  return new Proxy(document, {
    get(target, key) {
      if (key === 'createElement') return (tag: string, options?: ElementCreationOptions) => create(target, tag, options)
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

function create(target: Document, tag: string, options?: ElementCreationOptions): HTMLElement {
  const element = target.createElement(tag, options)
  if (element instanceof HTMLStyleElement) element.nonce = nonce
  return element
}

/** The GPU's renderer: several times the speed of the DOM's. Without one, or when it is lost, the DOM's goes on. */
export async function accelerate(term: Terminal): Promise<void> {
  const { WebglAddon } = await import('@xterm/addon-webgl')
  try {
    const webgl = new WebglAddon()
    webgl.onContextLoss(() => webgl.dispose())
    term.loadAddon(webgl)
  } catch {
    // no WebGL 2 here
  }
}
