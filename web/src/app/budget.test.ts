// @vitest-environment node
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { expect, it, vi } from 'vitest'

interface Chunk {
  type: 'chunk'
  fileName: string
  code: string
  isEntry: boolean
  facadeModuleId: string | null
  imports: string[]
  viteMetadata?: { importedCss: Set<string> }
}

interface Asset {
  type: 'asset'
  fileName: string
  source: string | Uint8Array
}

const budget = JSON.parse(readFileSync(new URL('../../budget.json', import.meta.url), 'utf8')) as Record<string, number>

/** All that the console is built of. */
async function built(): Promise<Map<string, Chunk | Asset>> {
  vi.stubEnv('NODE_ENV', 'production') // else it is built as tests need it, with all of React's warnings
  const result = (await build({ root: new URL('../..', import.meta.url).pathname, logLevel: 'silent', build: { write: false } })) as unknown as { output: (Chunk | Asset)[] }
  vi.unstubAllEnvs()
  return new Map(result.output.map((file) => [file.fileName, file]))
}

const packed = (body: string | Uint8Array) => gzipSync(body, { level: 9 }).length

/** Kilobytes that a browser loads for a chunk with all that it cannot do without: scripts and styles, as they are sent. */
function weightOf(files: Map<string, Chunk | Asset>, start: Chunk): number {
  const wanted = new Set<string>()
  const add = (name: string) => {
    const file = files.get(name)
    if (!file || wanted.has(name)) return
    wanted.add(name)
    if (file.type !== 'chunk') return
    file.imports.forEach(add)
    file.viteMetadata?.importedCss.forEach(add)
  }
  add(start.fileName)
  let bytes = 0
  for (const name of wanted) {
    const file = files.get(name)
    if (file) bytes += packed(file.type === 'chunk' ? file.code : file.source)
  }
  return bytes / 1000
}

it('keeps the first load and every page within its budget', { timeout: 240_000 }, async () => {
  const files = await built()
  const weights: Record<string, number> = {}
  for (const file of files.values()) {
    if (file.type !== 'chunk') continue
    // A page's own chunk imports what the entry has loaded already: its weight is that of a first visit to it.
    const page = /src\/(app\/(?:pages\/\w+|Shell)|features\/(?:identity|registration)\/\w+Page)\.tsx$/.exec(file.facadeModuleId ?? '')?.[1]
    const name = file.isEntry ? 'entry' : page
    if (name) weights[name] = Math.round(weightOf(files, file))
  }
  expect(Object.keys(weights).sort(), 'each page has a budget').toEqual(Object.keys(budget).sort())
  const over = Object.entries(weights).filter(([name, weight]) => weight > (budget[name] ?? 0))
  expect(over, `kB over the budget; all: ${JSON.stringify(weights)}`).toEqual([])
})
