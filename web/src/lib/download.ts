import { authorizedFetch } from './api/client'
import { problemOf } from './api/problem'

/** Lets the browser save a blob as a file. */
export function saveBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}

/** Saves what an address of the API answers: a link could not carry the token. */
export async function saveAnswer(path: string, name: string): Promise<void> {
  const response = await authorizedFetch(new Request(new URL(path, window.location.origin)))
  if (!response.ok) throw problemOf(response, await response.json().catch(() => null))
  saveBlob(await response.blob(), name)
}
