import { queryOptions } from '@tanstack/react-query'
import { ApiError } from '@/lib/api/problem'
import type { Config } from '@/lib/api/types'
import { forgetTenant, maySignInSilently, openAuth, signInSilently, tenantHint } from '@/lib/auth'
import { wear } from '@/lib/brand'
import { ask, portalAddress } from '@/lib/directory'

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
  wear(config.branding)
  const elsewhere = portalAddress(config, new URL(window.location.href))
  if (elsewhere) {
    window.location.replace(elsewhere)
    return new Promise(() => undefined) // the page is leaving
  }
  const signedIn = await openAuth(config)
  if (!signedIn && maySignInSilently() && window.location.pathname !== '/auth/callback') {
    await signInSilently()
    return new Promise(() => undefined) // the page is leaving
  }
  return { config, signedIn }
}

/** Where the people of this portal sign in: the organisation that is named or remembered, else the one of the host. */
async function readConfig(): Promise<Config> {
  const tenant = tenantHint()
  try {
    return await ask(tenant ? { tenant } : { host: window.location.host })
  } catch (error) {
    if (tenant && error instanceof ApiError && error.status === 404) forgetTenant()
    throw error
  }
}
