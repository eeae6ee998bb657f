import { queryOptions, useMutation } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'
import { stayErased } from '@/lib/auth'
import { saveAnswer } from '@/lib/download'

export function consentsQuery() {
  return queryOptions({ queryKey: ['me', 'consents'], queryFn: ({ signal }) => ok(api.GET('/v1/me/consents', { signal })) })
}

export function useSaveMyData() {
  return useMutation({ mutationFn: () => saveAnswer('/v1/me/data', 'my-data.json') })
}

export function useErase() {
  return useMutation({
    mutationFn: (body: { confirm: string; password: string }) => ok(api.POST('/v1/me/erasure', { body })),
    retry: false,
    onSuccess: stayErased,
  })
}
