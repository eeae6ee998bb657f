import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import type { AuditEntry, AuditReport, AuditSeals, SortOf } from '@/lib/api/types'
import { asked, type AuditFilter } from '@/lib/audit'
import { saveAnswer } from '@/lib/download'

export type AuditSort = SortOf<'/v1/tenant/audit'>

/** Where one of the audit logs is read: an organisation's or the operators'. */
export interface AuditSource {
  /** Begins what is remembered of it. */
  key: string
  label: string
  /** What stands there as long as it has no entry. */
  none: string
  noneText: string
  list: (query: ReturnType<typeof asked> & { sort: AuditSort; cursor: string | undefined }, signal: AbortSignal) => Promise<{ items: AuditEntry[]; next?: string }>
  seals: (signal: AbortSignal) => Promise<AuditSeals>
  verify: () => Promise<AuditReport>
  exportPath: string
  exportName: string
}

/** How far a log is sealed. */
export function sealsQuery(source: AuditSource) {
  return queryOptions({
    queryKey: [source.key, 'seals'],
    queryFn: ({ signal }) => source.seals(signal),
    refetchInterval: ({ state }) => (state.data && state.data.waiting > 0 ? 2000 : 30_000),
  })
}

export function useVerifyAudit(source: AuditSource) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: () => source.verify(),
    onSettled: () =>
      Promise.all([client.invalidateQueries({ queryKey: [source.key, 'seals'] }), client.invalidateQueries({ queryKey: [source.key, 'audit'] })]),
  })
}

/** Saves the entries that a filter selects. */
export function saveAudit(source: AuditSource, filter: AuditFilter, format: 'csv' | 'jsonl'): Promise<void> {
  const query = new URLSearchParams({ format })
  for (const [name, value] of Object.entries(asked(filter))) if (value) query.set(name, value)
  return saveAnswer(`${source.exportPath}?${query.toString()}`, `${source.exportName}.${format}`)
}
