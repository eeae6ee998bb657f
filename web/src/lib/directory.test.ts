import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Config } from './api/types'
import { ask, portalAddress, questionOf } from './directory'

const scheme = { fill: '#5151cd', hover: '#4543b4', text: '#ffffff', link: '#4543b4', ring: '#7f7ee6', tint: '#f0f0fd', scene: '#2b2a6b' }

const config = (name: string): Config => ({
  issuer: 'https://labs.example/pools/default',
  clientId: 'console',
  apiUrl: 'https://labs.example',
  tenant: { id: '1', name, title: name },
  signUp: false,
  branding: { title: name, own: false, primary: '#5151cd', accent: '#4543b4', light: scheme, dark: scheme, logo: {} },
})

describe('questionOf', () => {
  it.each([
    ['acme', { tenant: 'acme' }],
    ['  Acme Academy ', { tenant: 'acme-academy' }],
    ['ada@acme.example', { email: '@acme.example' }],
    [' "a@b"@acme.example ', { email: '@acme.example' }],
  ])('%s', (typed, question) => expect(questionOf(typed)).toEqual(question))
})

describe('portalAddress', () => {
  it.each([
    ['acme', 'https://acme.labs.example/sessions?state=ended', 'https://labs.example/sessions?state=ended&tenant=acme'],
    ['acme', 'https://acme.labs.example//evil.example/?tenant=other', 'https://labs.example//evil.example/?tenant=acme'],
    ['acme', 'https://labs.example/', undefined],
    ['default', 'https://elsewhere.example/', undefined],
  ])('%s at %s', (name, here, to) => expect(portalAddress(config(name), new URL(here))).toBe(to))
})

describe('ask', () => {
  afterEach(() => vi.unstubAllGlobals())

  const answered = (status: number, body: unknown) => {
    const fetched = vi.fn<(address: string) => Promise<Response>>(() => Promise.resolve(new Response(JSON.stringify(body), { status })))
    vi.stubGlobal('fetch', fetched)
    return fetched
  }

  it('sends nothing of an address but its domain', async () => {
    const fetched = answered(200, config('acme'))
    expect((await ask(questionOf('ada.lovelace@acme.example'))).tenant.name).toBe('acme')
    expect(fetched.mock.calls).toEqual([['/v1/directory?email=%40acme.example']])
  })

  it('says what the server said', async () => {
    answered(404, { code: 'no_such_tenant', detail: 'There is none.' })
    await expect(ask({ tenant: 'nobody' })).rejects.toMatchObject({ status: 404, message: 'There is none.' })
  })

  it('says that nothing answered', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('away')))
    await expect(ask({ host: 'labs.example' })).rejects.toMatchObject({ offline: true })
  })
})
