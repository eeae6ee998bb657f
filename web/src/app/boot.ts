import { queryOptions } from '@tanstack/react-query'
import { problemOf, unreachable } from '@/lib/api/problem'
import type { Config } from '@/lib/api/types'
import { forgetTenant, maySignInSilently, openAuth, signInSilently, tenantHint } from '@/lib/auth'

interface Boot {
  config: Config
  signedIn: boolean
}

/** What the console needs before anything else: who is the tenant, where is its identity, and is somebody signed in. */
export function bootQuery() {
  return queryOptions({ queryKey: ['boot'], queryFn: boot, staleTime: Infinity, gcTime: Infinity })
}

async function boot(): Promise<Boot> {
  const config = await readConfig()
  const signedIn = await openAuth(config)
  if (!signedIn && maySignInSilently() && window.location.pathname !== '/auth/callback') {
    await signInSilently()
    return new Promise(() => undefined) // the page is leaving
  }
  return { config, signedIn }
}

/** Read without a token: it comes before sign-in. */
async function readConfig(): Promise<Config> {
  const tenant = tenantHint()
  let response: Response
  try {
    response = await fetch(tenant ? `/v1/config?tenant=${tenant}` : '/v1/config')
  } catch {
    throw unreachable()
  }
  if (response.status === 404 && tenant) forgetTenant()
  const body: unknown = await response.json().catch(() => null)
  if (!response.ok || body === null) throw problemOf(response, body)
  return body as Config
}
