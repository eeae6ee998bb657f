import { t } from '@/lib/i18n'
import { serverNow } from './clock'
import type { Problem } from './types'

/** A request that failed: what happened in words for people, a stable code for us, and the id to quote. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly requestId: string | undefined
  readonly fields: { location?: string; message: string }[]
  /** When the server would let it pass, by its own clock; in milliseconds. */
  readonly retryAt: number | undefined

  constructor(status: number, problem: Partial<Problem>, retryAfter?: number) {
    super(problem.detail ?? problem.title ?? t('errors.unexpected'))
    this.name = 'ApiError'
    this.status = status
    this.code = problem.code ?? 'unexpected'
    this.requestId = problem.requestId
    this.fields = problem.errors ?? []
    this.retryAt = retryAfter === undefined ? undefined : serverNow() + 1000 * retryAfter
  }

  /** What is wrong with one field of the request's body. */
  field(name: string): string | undefined {
    return this.fields.find(({ location }) => location === name || location === `body.${name}`)?.message
  }

  /** Nothing answered: the learner's network or the server is away. */
  get offline(): boolean {
    return this.status === 0
  }

  /** Trying again can help. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

/** The error of a failed answer, even of one that is no problem+json: a proxy's page, for instance. */
export function problemOf(response: Response, body: unknown): ApiError {
  const problem = typeof body === 'object' && body !== null ? (body as Partial<Problem>) : {}
  problem.requestId ??= response.headers.get('X-Request-Id') ?? undefined
  return new ApiError(response.status, problem, secondsOf(response.headers.get('Retry-After')))
}

/** The seconds that a Retry-After says. Ours says no date. */
function secondsOf(header: string | null): number | undefined {
  return header !== null && /^\d+$/.test(header) ? Number(header) : undefined
}

export function unreachable(): ApiError {
  return new ApiError(0, { code: 'unreachable', detail: t('errors.unreachable') })
}

/** What to tell about anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof ApiError ? error.message : t('errors.unexpected')
}
