import { problemOf, unreachable } from './api/problem'
import type { Config } from './api/types'

/** What is known of somebody who wants to sign in. */
export type Question = { tenant: string } | { email: string } | { host: string }

/** Where somebody signs in. Asked without a token: it comes before sign-in. */
export async function ask(question: Question): Promise<Config> {
  let response: Response
  try {
    response = await fetch(`/v1/directory?${new URLSearchParams(question).toString()}`)
  } catch {
    throw unreachable()
  }
  const body: unknown = await response.json().catch(() => null)
  if (!response.ok || body === null) throw problemOf(response, body)
  return body as Config
}

/** What was typed as one's organisation. Of an e-mail address the directory needs, and gets, what is behind the @ alone. */
export function questionOf(typed: string): Question {
  const text = typed.trim()
  const at = text.lastIndexOf('@')
  if (at >= 0) return { email: text.slice(at) }
  return { tenant: text.toLowerCase().replaceAll(/\s+/g, '-') }
}

/**
 * The address to go on at when this page was opened on an organisation's subdomain: the console runs on one origin alone,
 * the one that its sign-in knows. The server sends browsers there by itself; behind a proxy that hides the host it cannot.
 */
export function portalAddress(config: Config, here: URL): string | undefined {
  const home = new URL(config.issuer).origin
  if (config.tenant.name === 'default' || here.origin === home) return undefined
  const to = new URL(home)
  to.pathname = here.pathname // never resolved: //evil.example would be another host
  to.search = here.search
  to.searchParams.set('tenant', config.tenant.name)
  return to.href
}
