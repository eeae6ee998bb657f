import type { ErrorResponse, UserManager } from 'oidc-client-ts'
import type { Config } from '@/lib/api/types'
import { keep, recall } from '@/lib/storage'

/** Where a learner was before signing in. */
interface Return {
  returnTo: string
}

/** Seconds of life that a token must have left to be used: the slowest upload fits in. */
const margin = 30

/** Set, without any token, while somebody is signed in: a new tab then asks identity silently instead of showing the front page. */
const hint = 'signed-in'

/** Where this tab keeps its tokens: gone with the tab, never shared, never in localStorage. */
const prefix = 'cloudkida.auth.'

/** Whose portal this browser last signed in to; undefined for the installation's own. */
const portal = 'tenant'

const isName = (value: unknown): value is string => typeof value === 'string' && /^[a-z0-9-]{1,40}$/.test(value)

/** The organisation that the address names (?tenant=), else the one of the last visit. The default one is none. */
export function tenantHint(): string | undefined {
  const named = new URLSearchParams(window.location.search).get('tenant')
  if (isName(named)) keep(portal, named)
  const name = isName(named) ? named : recall<string>(portal, '', isName)
  return name === '' || name === 'default' ? undefined : name
}

/** Where the person who is signed in was last: a later sign-in goes there without asking. */
const home = 'home'

/** Remembers the organisation that the tokens are for. */
export function rememberTenant(name: string): void {
  keep(home, name)
  if (name !== 'default') keep(portal, name)
}

/** Back to the default portal for who was in it: without a name, identity asks those who are in several organisations. */
function backHome(): { extraQueryParams?: Record<string, string> } {
  const back = atDefault && recall<string>(home, '', isName) === 'default'
  return back ? { extraQueryParams: { tenant: 'default' } } : {}
}

/** The organisation is not there any more: the next visit goes to the installation's own portal. */
export function forgetTenant(): void {
  keep(portal, null)
}

let manager: (() => Promise<UserManager>) | undefined
/** Whether the page is the portal of no organisation. */
let atDefault = false
let refreshing: Promise<string | undefined> | undefined

let authority = ''

/** Where this organisation's people and programs get their tokens. */
export function issuer(): string {
  return authority
}

/** Prepares sign-in with the tenant's issuer and tells whether this tab has a session to take up. */
export async function openAuth(config: Config): Promise<boolean> {
  let loading: Promise<UserManager> | undefined
  atDefault = config.tenant.name === 'default'
  authority = config.issuer
  // the front page is seen by many who never sign in: the protocol's code comes when it is needed
  manager = () => (loading ??= newManager(config))
  const signedIn = Object.keys(sessionStorage).some((key) => key.startsWith(`${prefix}user:`))
  return signedIn && (await (await opened()).getUser()) !== null
}

async function newManager(config: Config): Promise<UserManager> {
  const { UserManager, WebStorageStateStore } = await import('oidc-client-ts')
  const store = new WebStorageStateStore({ store: window.sessionStorage, prefix })
  return new UserManager({
    authority: config.issuer,
    client_id: config.clientId,
    redirect_uri: `${window.location.origin}/auth/callback`,
    post_logout_redirect_uri: `${window.location.origin}/`,
    scope: 'openid profile email offline_access',
    userStore: store,
    stateStore: store,
    automaticSilentRenew: false, // refresh() does it when a token is needed: one place, one request at a time
    loadUserInfo: false,
    monitorSession: false,
    extraQueryParams: config.tenant.name === 'default' ? {} : { tenant: config.tenant.name },
  })
}

function opened(): Promise<UserManager> {
  if (!manager) throw new Error('auth is used before openAuth')
  return manager()
}

/** An answer of identity that says no, unlike a network that says nothing. */
function isRefusal(error: unknown): error is ErrorResponse {
  return error instanceof Error && error.name === 'ErrorResponse'
}

/** A token that is good for a while, refreshed if need be; undefined when nobody is signed in. */
export async function accessToken(): Promise<string | undefined> {
  const user = await (await opened()).getUser()
  if (!user) return undefined
  if ((user.expires_in ?? 0) > margin) return user.access_token
  return refresh()
}

/** Trades the refresh token for new tokens; undefined when identity refuses. Concurrent callers share one request: a refresh token works once. */
export function refresh(): Promise<string | undefined> {
  refreshing ??= trade().finally(() => (refreshing = undefined))
  return refreshing
}

async function trade(): Promise<string | undefined> {
  const user = await (await opened()).getUser()
  if (!user?.refresh_token) return undefined
  try {
    return (await (await opened()).signinSilent())?.access_token
  } catch (error) {
    if (!isRefusal(error)) throw error // the network: the tokens may still be good
    await (await opened()).removeUser()
    return undefined
  }
}

function here(): string {
  return window.location.pathname + window.location.search
}

/** Goes to the sign-in page; afterwards the learner is back at returnTo. */
export async function signIn(returnTo = here()): Promise<void> {
  await (await opened()).signinRedirect({ state: { returnTo } satisfies Return })
}

/** Goes to the sign-in page of an organisation that the directory found, with the address that was typed, if any. */
export async function signInAt(config: Config, email?: string): Promise<void> {
  const back = new URL(window.location.href)
  back.searchParams.delete(portal) // it may name another one
  keep(portal, config.tenant.name)
  await openAuth(config)
  await (await opened()).signinRedirect({ login_hint: email, state: { returnTo: back.pathname + back.search } satisfies Return })
}

/** Goes to the page where individuals create an account. */
export async function signUp(returnTo = here()): Promise<void> {
  await (await opened()).signinRedirect({ prompt: 'create', state: { returnTo } satisfies Return })
}

/** Whether the account is gone: what is on the page cannot be had again, and must not make place for a sign-in. */
let erased = false

/** Stays on this page until leaveErased, whatever is refused meanwhile. */
export function stayErased(): void {
  erased = true
}

/** Leaves after the end of the account: there is no session left to end. */
export async function leaveErased(): Promise<void> {
  keep(hint, false)
  keep(home, null)
  forgetTenant()
  await (await opened()).removeUser()
  window.location.assign('/')
}

/** After a refused token: drops it and signs in again, back to this very address. */
export async function reauthenticate(): Promise<void> {
  if (erased) return
  await (await opened()).removeUser()
  await (await opened()).signinRedirect({ ...backHome(), state: { returnTo: here() } satisfies Return })
}

/** Before something dangerous: the person signs in once more and is back at this very address, to do it then. */
export async function signInAgain(): Promise<void> {
  await (await opened()).signinRedirect({ ...backHome(), prompt: 'login', state: { returnTo: here() } satisfies Return })
}

/** Set in the address by identity's pages, after which somebody is signed in there. */
const arrived = 'signed-in'

/** Whether a silent sign-in is worth a try: somebody signed in on this browser and did not sign out. */
export function maySignInSilently(): boolean {
  const url = new URL(window.location.href)
  if (url.searchParams.has(arrived)) {
    url.searchParams.delete(arrived)
    window.history.replaceState(null, '', url)
    return true
  }
  return recall(hint, false, (value) => typeof value === 'boolean')
}

/** Asks identity whether its own session still lives, without any page of it. */
export async function signInSilently(): Promise<void> {
  await (await opened()).signinRedirect({ ...backHome(), prompt: 'none', state: { returnTo: here() } satisfies Return })
}

/** Ends the redirect from identity. Returns where to go on; signedIn is false when a silent try found nobody. */
export async function completeSignIn(): Promise<{ returnTo: string; signedIn: boolean }> {
  try {
    const user = await (await opened()).signinCallback()
    keep(hint, true)
    return { returnTo: ownPath(user?.state), signedIn: true }
  } catch (error) {
    if (!isRefusal(error) || !needsPerson.has(error.error ?? '')) throw error
    keep(hint, false)
    return { returnTo: ownPath(error.state), signedIn: false }
  }
}

const needsPerson = new Set(['login_required', 'interaction_required', 'consent_required', 'account_selection_required'])

/** Only paths of our own: a forged state must not lead anywhere else. */
function ownPath(state: unknown): string {
  const path = (state as Partial<Return> | undefined)?.returnTo
  if (typeof path !== 'string') return '/'
  const url = new URL(path, window.location.origin)
  const ours = url.origin === window.location.origin && !url.pathname.startsWith('/auth/')
  return ours ? url.pathname + url.search : '/'
}

/** Goes on in another organisation of the same person. */
export async function switchTenant(name: string): Promise<void> {
  keep(portal, name)
  keep(home, name)
  await (await opened()).removeUser()
  window.location.assign(`/?tenant=${encodeURIComponent(name)}`)
}

/** Ends the session here and at identity. */
export async function signOut(): Promise<void> {
  keep(hint, false)
  keep(home, null)
  await (await opened()).signoutRedirect()
}
