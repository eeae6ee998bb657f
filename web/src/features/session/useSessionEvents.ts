import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { followEvents, type ServerEvent } from '@/lib/api/events'
import type { Session } from '@/lib/api/types'
import { isAlive, sessionQuery } from './api'

export type Link = 'connecting' | 'live' | 'reconnecting'

/** Keeps the cached session as the server has it, for as long as it changes. */
export function useSessionEvents(id: string, following: boolean, onWarning: (message: string) => void): Link {
  const client = useQueryClient()
  const [link, setLink] = useState<Link>('connecting')
  const warn = useRef(onWarning)
  useEffect(() => {
    warn.current = onWarning
  })

  useEffect(() => {
    if (!following) return
    const life = new AbortController()
    const key = sessionQuery(id).queryKey
    const onEvent = ({ event, data }: ServerEvent) => {
      if (event === 'session') client.setQueryData(key, JSON.parse(data) as Session)
      if (event === 'warning') warn.current((JSON.parse(data) as { message: string }).message)
      if (event === 'ended' || !isAlive(client.getQueryData(key)?.state ?? 'ready')) {
        void client.invalidateQueries({ queryKey: ['sessions'] })
      }
      if (event === 'ended') void client.invalidateQueries({ queryKey: key })
    }
    const follower = { onEvent, onOpen: () => setLink('live'), onLost: () => setLink('reconnecting') }
    followEvents(`/v1/sessions/${id}/events`, follower, life.signal).catch(() => {
      // refused: the session is another's or gone; the query of the page says so in words
      void client.invalidateQueries({ queryKey: key })
    })
    return () => life.abort()
  }, [client, id, following])

  return link
}
