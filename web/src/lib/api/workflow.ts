import { useQueryClient, type QueryKey } from '@tanstack/react-query'
import { useEffect } from 'react'
import { followEvents } from './events'
import type { Workflow } from './types'

/** Whether nothing more happens in a workflow by itself. */
export function isOver(workflow: Workflow): boolean {
  return workflow.endedAt !== undefined
}

/** Follows a workflow's events from an address into the cache until it is over; then everything below changed is asked for again. */
export function useLiveWorkflow(workflow: Workflow, path: string, key: QueryKey, changed: string): void {
  const client = useQueryClient()
  const over = isOver(workflow)
  const name = JSON.stringify(key) // a key is a new array at each render
  useEffect(() => {
    if (over) return
    const key = JSON.parse(name) as QueryKey
    const life = new AbortController()
    const onEvent = ({ event, data }: { event: string; data: string }) => {
      if (event !== 'workflow') return
      const next = JSON.parse(data) as Workflow
      client.setQueryData(key, next)
      if (isOver(next)) {
        life.abort()
        void client.invalidateQueries({ queryKey: [changed] })
      }
    }
    const follower = { onEvent, onOpen: () => undefined, onLost: () => undefined }
    followEvents(path, follower, life.signal).catch(() => {
      void client.invalidateQueries({ queryKey: key })
    })
    return () => life.abort()
  }, [client, path, name, changed, over])
}
