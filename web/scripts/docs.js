// Puts the reader of the API's description, Swagger UI, into dist/docs: the page /docs loads nothing from elsewhere.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { absolutePath } from 'swagger-ui-dist'

const docs = join(import.meta.dirname, '../dist/docs')
mkdirSync(docs, { recursive: true })
for (const name of ['swagger-ui.css', 'swagger-ui-bundle.js']) cpSync(join(absolutePath(), name), join(docs, name))
// The page's content policy allows no script of its own: it is a file too.
writeFileSync(
  join(docs, 'reference.js'),
  `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#reference', deepLinking: true, docExpansion: 'list', validatorUrl: null, supportedSubmitMethods: [] })\n`,
)
