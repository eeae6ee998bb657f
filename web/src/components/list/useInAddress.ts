import { useNavigate, useSearch } from '@tanstack/react-router'

/** What may stand in the address of a page with lists: its route takes these from there. */
type Name = 'q' | 'state'

/**
 * A filter of a list that lives in the address, so that a link, a reload and the way back show the same. It takes the place
 * of what stood there: one goes back to the page before, not to each word that was searched.
 */
export function useInAddress(name: Name): [string | undefined, (value: string | undefined) => void] {
  const search: Partial<Record<Name, unknown>> = useSearch({ strict: false })
  const navigate = useNavigate()
  const value = search[name]
  const set = (next: string | undefined) => void navigate({ to: '.', search: (before: object) => ({ ...before, [name]: next }), replace: true } as never)
  return [typeof value === 'string' && value !== '' ? value : undefined, set]
}

/** One of a few values in the address; any other there is none. */
export function useOneInAddress<T extends string>(name: Name, allowed: readonly T[]): [T | undefined, (value: T | undefined) => void] {
  const [value, set] = useInAddress(name)
  return [allowed.find((one) => one === value), set]
}
