import { beforeEach, describe, expect, it, vi } from 'vitest'
import '@/lib/i18n'
import { accessToken, reauthenticate, refresh, signInAgain } from '@/lib/auth'
import { authorizedFetch, ok } from './client'
import { serverNow } from './clock'
import { ApiError } from './problem'

vi.mock('@/lib/auth', () => ({ accessToken: vi.fn(), refresh: vi.fn(), reauthenticate: vi.fn(), signInAgain: vi.fn() }))

const server = vi.fn<(request: Request) => Promise<Response>>()

function answer(status: number, headers: Record<string, string> = {}) {
  return Promise.resolve(new Response(null, { status, headers }))
}

function request() {
  return new Request('http://localhost/v1/me', { method: 'POST', body: 'sent' })
}

function tokens() {
  return server.mock.calls.map(([sent]) => sent.headers.get('Authorization'))
}

describe('authorizedFetch', () => {
  beforeEach(() => {
    vi.resetAllMocks()
    vi.stubGlobal('fetch', server)
    vi.mocked(accessToken).mockResolvedValue('old')
    vi.mocked(reauthenticate).mockResolvedValue()
  })

  it('sends the token', async () => {
    server.mockReturnValue(answer(200))
    expect((await authorizedFetch(request())).status).toBe(200)
    expect(tokens()).toEqual(['Bearer old'])
  })

  it('leads to a new sign-in, without dropping the token, where one is asked for', async () => {
    vi.mocked(signInAgain).mockResolvedValue()
    server.mockImplementation(() => Promise.resolve(Response.json({ code: 'step_up_required' }, { status: 401 })))
    void authorizedFetch(request())
    await vi.waitFor(() => expect(signInAgain).toHaveBeenCalledOnce())
    expect(refresh).not.toHaveBeenCalled()
    expect(reauthenticate).not.toHaveBeenCalled()
  })

  it('refreshes a refused token and sends the same body again', async () => {
    const bodies: string[] = []
    server.mockImplementation(async (sent) => {
      bodies.push(await sent.text())
      return answer(bodies.length === 1 ? 401 : 200)
    })
    vi.mocked(refresh).mockResolvedValue('new')
    expect((await authorizedFetch(request())).status).toBe(200)
    expect(tokens()).toEqual(['Bearer old', 'Bearer new'])
    expect(bodies).toEqual(['sent', 'sent'])
    expect(reauthenticate).not.toHaveBeenCalled()
  })

  it.each([undefined, 'new, and refused too'])('signs in again when a refresh gives %s', async (token) => {
    server.mockImplementation(() => answer(401))
    vi.mocked(refresh).mockResolvedValue(token)
    void authorizedFetch(request())
    await vi.waitFor(() => expect(reauthenticate).toHaveBeenCalledOnce())
  })

  it('calls a server that does not answer unreachable, which may pass', async () => {
    server.mockRejectedValue(new TypeError('Failed to fetch'))
    const error = await authorizedFetch(request()).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ offline: true, passing: true })
  })

  it("goes by the server's clock", async () => {
    server.mockReturnValue(answer(200, { Date: new Date(Date.now() + 3_600_000).toUTCString() }))
    await authorizedFetch(request())
    expect(serverNow() - Date.now()).toBeGreaterThan(3_590_000)
  })
})

describe('ok', () => {
  it('gives the data of an answer', async () => {
    expect(await ok(Promise.resolve({ data: { items: [1] }, response: new Response() }))).toEqual({ items: [1] })
  })

  it('throws the problem with its code and request id', async () => {
    const problem = { code: 'no_capacity', detail: 'All places are taken.', requestId: '0199' }
    const response = new Response(null, { status: 503 })
    await expect(ok(Promise.resolve({ error: problem, response }))).rejects.toMatchObject({
      status: 503,
      code: 'no_capacity',
      message: 'All places are taken.',
      requestId: '0199',
      passing: true,
    })
  })

  it("throws something readable for a proxy's page, too", async () => {
    const response = new Response('<html>', { status: 502, headers: { 'X-Request-Id': '0200' } })
    await expect(ok(Promise.resolve({ error: '<html>', response }))).rejects.toMatchObject({ status: 502, requestId: '0200' })
  })
})
