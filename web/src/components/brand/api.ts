import { queryOptions } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'

/** Two colours as pages would show them. It depends on nothing else: what was asked once need not be asked again. */
export function coloursQuery(primary: string, accent: string) {
  return queryOptions({
    queryKey: ['brand-colours', primary, accent],
    queryFn: ({ signal }) => ok(api.GET('/v1/brand/colours', { params: { query: { primary, accent } }, signal })),
    staleTime: Infinity,
    placeholderData: (before) => before,
  })
}
