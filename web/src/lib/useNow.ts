import { useEffect, useState } from 'react'
import { serverNow } from '@/lib/api/clock'

/** The server's time, again every second while active. */
export function useNow(active = true): number {
  const [now, setNow] = useState(serverNow)
  useEffect(() => {
    if (!active) return
    const timer = setInterval(() => setNow(serverNow()), 1000)
    return () => clearInterval(timer)
  }, [active])
  return now
}
