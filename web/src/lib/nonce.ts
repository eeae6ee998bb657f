/** The nonce of this page's content policy: style elements that libraries add at run time must carry it. */
export const nonce = document.querySelector<HTMLMetaElement>('meta[property=csp-nonce]')?.nonce ?? ''

// react-remove-scroll, which the dialogs use, looks for it under the name that webpack gives it
Object.assign(globalThis, { __webpack_nonce__: nonce })

/**
 * Runs make with a document whose new style elements carry the nonce: for libraries that have no option for one.
 * It must be done before make returns; nothing else runs in between.
 */
export function withNonce(make: () => void): void {
  /* eslint-disable @typescript-eslint/no-deprecated -- the deprecation is of obsolete tags */
  document.createElement = (tag: string, options?: ElementCreationOptions): HTMLElement => {
    const element = Document.prototype.createElement.call(document, tag, options)
    if (element instanceof HTMLStyleElement) element.nonce = nonce
    return element
  }
  /* eslint-enable @typescript-eslint/no-deprecated */
  try {
    make()
  } finally {
    Reflect.deleteProperty(document, 'createElement') // the prototype's is seen again
  }
}
