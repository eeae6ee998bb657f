/** The nonce of this page's content policy: style elements that libraries add at run time must carry it. */
export const nonce = document.querySelector<HTMLMetaElement>('meta[property=csp-nonce]')?.nonce ?? ''
