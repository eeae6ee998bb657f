/** ETags of what was read, by path: a change says which state it is of, so that nobody else's change is lost. */
const seen = new Map<string, string>()

/** No page shows as many resources at once. */
const most = 500

/**
 * Puts If-Match into a change that has none: the state that was last read there or above, else whatever is there. A list is
 * not above its items: template is the address with its parameters' names, which tells both apart.
 */
export function addCondition(request: Request, template?: string): void {
  if ((request.method !== 'PUT' && request.method !== 'PATCH') || request.headers.has('If-Match')) return
  const path = new URL(request.url).pathname
  const known = nearest(path)
  const itself = known === path || (known !== undefined && !isList(known, template))
  request.headers.set('If-Match', (itself ? seen.get(known) : undefined) ?? '*')
}

/** Tells whether what follows an address in a template is the id of an item. */
function isList(path: string, template = ''): boolean {
  return (template.split('/')[path.split('/').length] ?? '{').startsWith('{')
}

/** Remembers what was read, and forgets what a change may have made untrue. */
export function noteAnswer(request: Request, response: Response): void {
  const { pathname, search } = new URL(request.url)
  const tag = response.headers.get('ETag')
  if (request.method !== 'GET') {
    // What was refused as changed meanwhile is read again before the next try.
    if (response.ok || response.status === 412) forget(pathname)
  } else if (response.ok && tag && search === '') {
    seen.delete(pathname)
    seen.set(pathname, tag)
    const oldest = seen.keys().next().value
    if (seen.size > most && oldest !== undefined) seen.delete(oldest)
  }
}

function nearest(path: string): string | undefined {
  for (let at = path; at.length > 1; at = at.slice(0, at.lastIndexOf('/'))) if (seen.has(at)) return at
  return undefined
}

function forget(path: string): void {
  for (const known of [...seen.keys()]) if (path.startsWith(known) || known.startsWith(path)) seen.delete(known)
}
