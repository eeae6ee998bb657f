/** What can be opened over any page. Its code is loaded when it is first wanted. */
export type OverlayName = 'palette' | 'shortcuts'

const wanted = 'cloudkida:overlay'

export function openPalette(): void {
  open('palette')
}

export function openShortcuts(): void {
  open('shortcuts')
}

function open(name: OverlayName): void {
  window.dispatchEvent(new CustomEvent<OverlayName>(wanted, { detail: name }))
}

/** Calls back whenever something is to be opened. Returns how to stop that. */
export function onOpen(callback: (name: OverlayName) => void): () => void {
  const listener = (event: Event) => callback((event as CustomEvent<OverlayName>).detail)
  window.addEventListener(wanted, listener)
  return () => window.removeEventListener(wanted, listener)
}
