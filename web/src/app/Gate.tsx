import { useSuspenseQuery } from '@tanstack/react-query'
import { Outlet } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { bootQuery } from './boot'
import { Pending } from './Boundary'
import { Overlays } from './Overlays'

const Landing = lazy(() => import('@/features/identity/Landing').then((module) => ({ default: module.Landing })))

/** Lets those who are signed in pass; the others see what this is and how to get in. */
export function Gate() {
  const { data } = useSuspenseQuery(bootQuery())
  if (!data.signedIn) {
    return (
      <Suspense fallback={<Pending />}>
        <Landing config={data.config} />
      </Suspense>
    )
  }
  return (
    <>
      <Outlet />
      <Overlays />
    </>
  )
}
