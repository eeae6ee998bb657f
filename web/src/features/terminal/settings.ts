import { useSyncExternalStore } from 'react'
import { keep, recall } from '@/lib/storage'

/** How one person likes terminals: the same in every one of them. */
export interface Settings {
  fontSize: number
  screenReader: boolean
}

const smallest = 10
const largest = 24
const listeners = new Set<() => void>()

let current = recall<Settings>('terminal', { fontSize: 14, screenReader: false }, (value): value is Settings => {
  const v = value as Partial<Settings> | null
  return typeof v?.fontSize === 'number' && clamp(v.fontSize) === v.fontSize && typeof v.screenReader === 'boolean'
})

function clamp(size: number): number {
  return Math.min(largest, Math.max(smallest, size))
}

export function changeSettings(change: Partial<Settings>): void {
  current = { ...current, ...change, fontSize: clamp(change.fontSize ?? current.fontSize) }
  keep('terminal', current)
  listeners.forEach((listener) => listener())
}

export function useSettings(): Settings {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => current,
  )
}
