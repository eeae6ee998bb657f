import { createContext, use } from 'react'

/** What the text of a lab can do to the lab: the page provides it to every block, wherever it stands. */
export interface LabActions {
  /** The environment takes commands now. */
  ready: boolean
  run: (code: string, terminal: string, interrupt: boolean) => void
  writeFile: (path: string, content: string) => Promise<unknown>
  openPort: (name: string) => void
  env: Record<string, string>
}

export const LabActionsContext = createContext<LabActions>({
  ready: false,
  run: () => undefined,
  writeFile: () => Promise.resolve(),
  openPort: () => undefined,
  env: {},
})

export function useLabActions(): LabActions {
  return use(LabActionsContext)
}
