import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from '@playwright/test'
import { endLab, startLab, Terminal } from '../fixtures/lab.ts'
import { expect, test } from '../fixtures/test.ts'

/** Collects what the content policy of any page in this browser refused, and holds every page's policy to be strict. */
async function watch(page: Page): Promise<string[]> {
  const refused: string[] = []
  await page.exposeFunction('policyRefused', (what: string) => void refused.push(what))
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => {
      const tell = (globalThis as unknown as { policyRefused: (what: string) => void }).policyRefused
      tell(`${document.location.pathname}: ${e.effectiveDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`)
    })
  })
  page.on('response', (response) => {
    if (!response.headers()['content-type']?.startsWith('text/html')) return
    const policy = response.headers()['content-security-policy'] ?? ''
    if (!policy.includes("default-src 'none'") || policy.includes('unsafe')) refused.push(`${response.url()}: policy "${policy}"`)
  })
  return refused
}

test('no page needs anything that its content policy forbids', async ({ operatorPage: page, browser, server }) => {
  const refused = await watch(page)
  for (const path of ['/', '/sessions', '/profile', '/organisation', '/operator', '/register', '/labs/linux-permissions']) {
    await page.goto(path)
    await expect(page.getByRole('heading', { level: 1 }).first()).toBeVisible()
  }
  await page.keyboard.press('Control+k') // a dialog, with measures of its own
  await page.goto('/docs')
  await expect(page.getByText('What a client must know to sign in').first()).toBeVisible()
  await page.getByText('What a client must know to sign in').first().click()
  await expect(page.getByText('Parameters').first()).toBeVisible()
  const stranger = await browser.newPage({ baseURL: server.url })
  const refusedThere = await watch(stranger)
  await stranger.goto('/')
  await stranger.getByRole('button', { name: 'Create account' }).first().click()
  await expect(stranger.getByRole('heading', { name: 'Create your account' })).toBeVisible()
  await stranger.getByRole('link', { name: 'Sign in' }).click()
  await expect(stranger.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await stranger.context().close()
  expect([...refused, ...refusedThere]).toEqual([])
})

test('a terminal has all its colours under the policy', async ({ learner: page }) => {
  const refused = await watch(page)
  await startLab(page, 'File permissions')
  const terminal = new Terminal(page)
  await terminal.prompt()
  // of enough contrast in the light scheme, where the terminal would change another
  await terminal.type(`printf '\\033[38;2;10;60;130mdeep%s\\033[0m\\n'  blue`)
  await expect(terminal.rows).toContainText('deepblue')
  const color = await terminal.rows.getByText('deepblue', { exact: true }).last().evaluate((e) => getComputedStyle(e).color)
  expect(color).toBe('rgb(10, 60, 130)')
  await endLab(page)
  expect(refused).toEqual([])
})

/** A page of another origin, as a program of others has one. */
async function elsewhere(): Promise<{ origin: string; http: HttpServer }> {
  const http = createServer((_, answer) => {
    answer.setHeader('Content-Type', 'text/html')
    answer.end('<!doctype html><title>elsewhere</title>')
  })
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done))
  return { origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, http }
}

/** What a page hears of an address of the program. */
async function ask(page: Page, address: string, init: RequestInit): Promise<string> {
  return page.evaluate(
    async ([to, how]) => {
      try {
        const answer = await fetch(to, how)
        return `${answer.status} ${answer.headers.get('x-request-id') ? 'with' : 'without'} its id`
      } catch {
        return 'nothing'
      }
    },
    [address, init] as const,
  )
}

test('pages of registered origins may call the API with a token, others may not', async ({ page, server, operator }) => {
  const [ours, theirs] = [await elsewhere(), await elsewhere()]
  try {
    const token = await server.token(operator.email)
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const made = await fetch(`${server.url}/v1/oauth-clients`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ name: 'Portal', redirectUris: [`${ours.origin}/callback`], confidential: false }),
    })
    expect(made.status).toBe(201)
    const asked = { headers: { authorization: `Bearer ${token}` } }
    await page.goto(ours.origin)
    expect(await ask(page, `${server.url}/v1/labs`, asked)).toBe('200 with its id')
    expect(await ask(page, `${server.url}/v1/labs`, {})).toBe('401 with its id')
    expect(await ask(page, `${server.url}/v1/labs`, { ...asked, credentials: 'include' })).toBe('nothing')
    expect(await ask(page, `${server.url}/pools/default/.well-known/openid-configuration`, {})).toBe('200 with its id')
    expect(await ask(page, `${server.url}/pools/default/sign-in`, {})).toBe('nothing')
    await page.goto(theirs.origin)
    for (const path of ['/v1/labs', '/pools/default/userinfo', '/pools/default/.well-known/openid-configuration']) {
      expect(await ask(page, server.url + path, asked)).toBe('nothing')
      expect(await ask(page, server.url + path, {})).toBe('nothing')
    }
  } finally {
    ours.http.close()
    theirs.http.close()
  }
})
