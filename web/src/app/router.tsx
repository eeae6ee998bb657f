import type { QueryClient } from '@tanstack/react-query'
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Outlet } from '@tanstack/react-router'
import { labSorts, levels, type LabFilter, type Level } from '@/features/lab/api'
import type { TenantFilter } from '@/features/operator/tenants'
import type { PeopleFilter } from '@/features/organisation/api'
import { auditFilter, type AuditFilter } from '@/lib/audit'
import { Boundary, BoundaryPage, MissingPage, Pending } from './Boundary'
import { Gate } from './Gate'

interface Context {
  client: QueryClient
}

const root = createRootRouteWithContext<Context>()({ component: Outlet, notFoundComponent: MissingPage, errorComponent: BoundaryPage })

const callback = createRoute({
  getParentRoute: () => root,
  path: '/auth/callback',
  component: lazyRouteComponent(() => import('./pages/CallbackPage')),
})

/** Everything below needs somebody who is signed in. */
const signedIn = createRoute({ getParentRoute: () => root, id: 'signed-in', component: Gate, errorComponent: BoundaryPage })

const shell = createRoute({ getParentRoute: () => signedIn, id: 'shell', component: lazyRouteComponent(() => import('./Shell')), errorComponent: BoundaryPage })

function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T | undefined {
  return allowed.find((one) => one === value)
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

const catalogue = createRoute({
  getParentRoute: () => shell,
  path: '/',
  validateSearch: (search: Record<string, unknown>): LabFilter => ({
    q: text(search.q),
    tag: text(search.tag),
    level: levels.includes(search.level as Level) ? (search.level as Level) : undefined,
    sort: oneOf(search.sort, labSorts),
  }),
  component: lazyRouteComponent(() => import('./pages/Catalogue')),
})

const lab = createRoute({
  getParentRoute: () => shell,
  path: '/labs/$slug',
  component: lazyRouteComponent(() => import('./pages/LabDetail')),
})

const sessions = createRoute({
  getParentRoute: () => shell,
  path: '/sessions',
  validateSearch: (search: Record<string, unknown>): { state?: 'active' | 'ended' } => ({
    state: search.state === 'active' || search.state === 'ended' ? search.state : undefined,
  }),
  component: lazyRouteComponent(() => import('./pages/Sessions')),
})

const session = createRoute({
  getParentRoute: () => signedIn, // a lab takes the whole window: no shell around it
  path: '/sessions/$id',
  validateSearch: (search: Record<string, unknown>): { step?: number } => ({
    step: Number.isInteger(search.step) && Number(search.step) > 0 ? Number(search.step) : undefined,
  }),
  component: lazyRouteComponent(() => import('./pages/Lab')),
  errorComponent: BoundaryPage,
})

const profile = createRoute({
  getParentRoute: () => shell,
  path: '/profile',
  component: lazyRouteComponent(() => import('@/features/identity/ProfilePage'), 'ProfilePage'),
})

const operator = createRoute({
  getParentRoute: () => shell,
  path: '/operator',
  validateSearch: (search: Record<string, unknown>): TenantFilter & AuditFilter & { tab?: string; state?: string } => ({
    state: text(search.state), // of letters; their list knows them
    tab: text(search.tab), // the page knows its sections
    ...auditFilter(search),
    status: oneOf(search.status, ['provisioning', 'active', 'suspended', 'offboarding', 'purged'] as const),
    placement: oneOf(search.placement, ['pool', 'silo'] as const),
  }),
  component: lazyRouteComponent(() => import('./pages/Operator')),
})

const tenant = createRoute({
  getParentRoute: () => shell,
  path: '/operator/tenants/$id',
  component: lazyRouteComponent(() => import('./pages/Tenant')),
})

const organisation = createRoute({
  getParentRoute: () => shell,
  path: '/organisation',
  validateSearch: (search: Record<string, unknown>): AuditFilter & PeopleFilter & { tab?: string; state?: string } => ({
    state: text(search.state), // of letters; their list knows them
    tab: text(search.tab),
    ...auditFilter(search),
    role: oneOf(search.role, ['owner', 'admin', 'author', 'instructor', 'learner'] as const),
    invited: oneOf(search.invited, ['open', 'expired', 'accepted', 'revoked'] as const),
  }),
  component: lazyRouteComponent(() => import('./pages/Organisation')),
})

/** Organisations sign up without being signed in. */
const register = createRoute({
  getParentRoute: () => root,
  path: '/register',
  component: lazyRouteComponent(() => import('@/features/registration/RegisterPage'), 'RegisterPage'),
})

const confirm = createRoute({
  getParentRoute: () => root,
  path: '/register/confirm',
  component: lazyRouteComponent(() => import('@/features/registration/ConfirmPage'), 'ConfirmPage'),
})

/** Where the link in an invitation leads. */
const invitation = createRoute({
  getParentRoute: () => root,
  path: '/invitation',
  component: lazyRouteComponent(() => import('./pages/Invitation')),
  errorComponent: BoundaryPage,
})

const routes = root.addChildren([
  callback,
  register,
  confirm,
  invitation,
  signedIn.addChildren([session, shell.addChildren([catalogue, lab, sessions, profile, organisation, operator, tenant])]),
])

export function newRouter(client: QueryClient) {
  return createRouter({
    routeTree: routes,
    context: { client },
    defaultPreload: 'intent',
    defaultPreloadStaleTime: 0,
    defaultErrorComponent: Boundary,
    defaultPendingComponent: Pending,
    defaultNotFoundComponent: MissingPage,
    scrollRestoration: true,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof newRouter>
  }
}
