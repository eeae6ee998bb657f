import createClient from 'openapi-fetch'
import { accessToken, refresh, reauthenticate, signInAgain } from '@/lib/auth'
import { noteServerTime } from './clock'
import { addCondition, noteAnswer } from './conditions'
import { problemOf, unreachable } from './problem'
import type { paths } from './schema.gen'
import type { Filled, Problem } from './types'

/** The API, typed by its own description. Wrap calls in `ok` to get data or an ApiError. */
export const api = createClient<paths>({ baseUrl: window.location.origin, fetch: authorizedFetch })
api.use({ onRequest: ({ request, schemaPath }) => addCondition(request, schemaPath) })

/**
 * Sends a request with the access token. A 401 is answered by refreshing the token once and, when that does not help,
 * by signing in again and returning to this very address. What needs a fresh sign-in leads to one at once.
 */
export async function authorizedFetch(request: Request): Promise<Response> {
  addCondition(request)
  const again = request.clone()
  const response = await patiently(request, await accessToken())
  if (response.status !== 401) return response
  if (await wantsNewSignIn(response)) {
    await signInAgain()
    return new Promise(() => undefined)
  }
  const token = await refresh()
  const second = token ? await send(again, token) : response
  if (second.status !== 401) return second
  await reauthenticate()
  return new Promise(() => undefined) // the page is leaving; an error would only flash
}

/** The token is good, but the sign-in is too long ago for what was asked. */
async function wantsNewSignIn(response: Response): Promise<boolean> {
  const problem: unknown = await response
    .clone()
    .json()
    .catch(() => undefined)
  return (problem as Partial<Problem> | undefined)?.code === 'step_up_required'
}

/** How often, and for how long at most, a reading request that came too soon is tried again. */
const retries = 3
const longestWait = 5

/** Reads again what a rate limit refused, when it says that it would let it pass: people see a moment's delay, no failure. */
async function patiently(request: Request, token: string | undefined): Promise<Response> {
  for (let tries = 0; ; tries++) {
    const next = request.method === 'GET' && tries < retries ? request.clone() : undefined
    const response = await send(request, token)
    const wait = Number(response.headers.get('Retry-After') ?? NaN)
    if (response.status !== 429 || !next || !(wait <= longestWait)) return response
    // Not all at the same moment: many who were refused together would be refused together again.
    await delay(1000 * wait * (1 + Math.random() / 2), request.signal)
    request = next
  }
}

function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort)
      resolve()
    }, milliseconds)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}

async function send(request: Request, token: string | undefined): Promise<Response> {
  if (token) request.headers.set('Authorization', `Bearer ${token}`)
  let response: Response
  try {
    response = await fetch(request)
  } catch (error) {
    if (request.signal.aborted) throw error
    throw unreachable()
  }
  noteAnswer(request, response)
  noteServerTime(response)
  return response
}

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

/** The data of an answer; a failed one is thrown as ApiError. */
export async function ok<T>(answer: Promise<Answer<T>>): Promise<Filled<T>> {
  const { data, error, response } = await answer
  if (!response.ok) throw problemOf(response, error)
  return data as Filled<T>
}
