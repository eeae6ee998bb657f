/** Where this tab keeps the token from the mail: it outlives the way to the sign-in page and back, and the address shows nothing. */
const place = 'cloudkida.invitation'

/** Takes the token out of the address at once: it must not stay in the history. */
export function takeToken(): string {
  const given = new URLSearchParams(window.location.hash.slice(1)).get('token')
  if (given) {
    sessionStorage.setItem(place, given)
    window.history.replaceState(window.history.state, '', window.location.pathname)
  }
  return given ?? sessionStorage.getItem(place) ?? ''
}

/** It is used up. */
export function dropToken(): void {
  sessionStorage.removeItem(place)
}
