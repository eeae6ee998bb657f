// Leaves a .gz beside every compressible asset: the server sends it as it is and never compresses at run time.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

for (const folder of ['assets', 'docs']) {
  const files = join(import.meta.dirname, '../dist', folder)
  for (const name of readdirSync(files)) {
    if (!/\.(js|css|svg)$/.test(name)) continue
    const body = readFileSync(join(files, name))
    const packed = gzipSync(body, { level: 9 })
    if (packed.length < body.length) writeFileSync(join(files, name + '.gz'), packed)
  }
}
// Vite empties dist; git keeps the folder, so that the server compiles before the console was ever built.
writeFileSync(join(import.meta.dirname, '../dist/.gitkeep'), '')
