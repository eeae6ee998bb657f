import * as oidc from 'openid-client'
import type { Page } from '@playwright/test'
import { accessible } from '../fixtures/accessibility.ts'
import { newPerson, signUp, type Person } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'
import type { Server } from '../fixtures/server.ts'

// openid-client is a certified OpenID client that others wrote: what it accepts is the protocol, not our idea of it.

const callback = 'http://127.0.0.1:9/callback' // nothing listens there: the browser's request is answered by the test
const plain = { execute: [oidc.allowInsecureRequests] } // the server of a journey is on localhost

const pool = (server: Server) => new URL(`${server.url}/pools/default`)

/** Calls the API as somebody with an access token. */
async function call<T>(server: Server, token: string, method: string, path: string, body?: object): Promise<T> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const answer = await fetch(server.url + path, { method, headers, body: JSON.stringify(body) })
  expect(answer.ok, `${method} ${path}: ${answer.status}`).toBe(true)
  return (await answer.json()) as T
}

async function fillIn(page: Page, person: Person): Promise<void> {
  await page.getByLabel('E-mail address').fill(person.email)
  await page.getByLabel('Password', { exact: true }).fill(person.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

/** A browser without scripts, as the pages of sign-in do without. */
test.use({ javaScriptEnabled: false })

test('a program of others signs people in, by a client that others wrote', async ({ page, server, operator }) => {
  const owner = await server.token(operator.email)
  const made = await call<{ id: string; secret: string }>(server, owner, 'POST', '/v1/oauth-clients', {
    name: 'Gradebook',
    redirectUris: [callback],
    confidential: true,
  })
  const config = await oidc.discovery(pool(server), made.id, undefined, oidc.ClientSecretBasic(made.secret), plain)
  await page.route(callback + '?*', (route) => route.fulfill({ contentType: 'text/html', body: 'back' }))

  const verifier = oidc.randomPKCECodeVerifier()
  const state = oidc.randomState()
  const nonce = oidc.randomNonce()
  await page.goto(
    oidc.buildAuthorizationUrl(config, {
      redirect_uri: callback,
      scope: 'openid profile email offline_access',
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    }).href,
  )
  await fillIn(page, operator)
  await expect(page.getByRole('heading', { name: 'Sign in to Gradebook?' })).toBeVisible()
  await page.getByRole('button', { name: 'Allow' }).click()
  await expect(page.getByText('back')).toBeVisible()

  const answer = new URL(page.url())
  const mixedUp = new URL(answer)
  mixedUp.searchParams.set('iss', 'https://evil.example/pools/default')
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce }
  await expect(oidc.authorizationCodeGrant(config, mixedUp, checks)).rejects.toThrow()

  const tokens = await oidc.authorizationCodeGrant(config, answer, checks)
  const subject = tokens.claims()?.sub ?? ''
  expect((await oidc.fetchUserInfo(config, tokens.access_token, subject)).email).toBe(operator.email)
  const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')
  expect(refreshed.refresh_token).not.toBe(tokens.refresh_token)
  const api = await fetch(`${server.url}/v1/me`, { headers: { authorization: `Bearer ${refreshed.access_token}` } })
  expect(api.status, 'its token does not open the API').toBe(401)

  await test.step('the person signs out', async () => {
    await page.goto(oidc.buildEndSessionUrl(config, { id_token_hint: refreshed.id_token ?? '' }).href)
    await expect(page.getByText('You are signed out')).toBeVisible()
    await expect(oidc.refreshTokenGrant(config, refreshed.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' })
  })
})

test('the command line signs in by a code that is typed in a browser', async ({ page, server, operator }) => {
  const config = await oidc.discovery(pool(server), 'cli', undefined, oidc.None(), plain)
  const codes = await oidc.initiateDeviceAuthorization(config, { scope: 'openid profile offline_access' })
  const waiting = oidc.pollDeviceAuthorizationGrant(config, codes)

  await page.goto(codes.verification_uri)
  await fillIn(page, operator)
  await expect(page.getByRole('heading', { name: 'Connect a device' })).toBeVisible()
  await page.getByLabel('Code').fill(codes.user_code.toLowerCase())
  await page.getByRole('button', { name: 'Continue' }).click()
  await expect(page.getByRole('heading', { name: 'Let Cloudkida command line in?' })).toBeVisible()
  await expect(page.getByText(codes.user_code)).toBeVisible()
  await page.getByRole('button', { name: 'Approve' }).click()
  await expect(page.getByRole('heading', { name: 'You are all set' })).toBeVisible()

  const tokens = await waiting
  expect((await call<{ email: string }>(server, tokens.access_token, 'GET', '/v1/me')).email).toBe(operator.email)
  expect((await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')).access_token).toBeTruthy()

  const denied = await oidc.initiateDeviceAuthorization(config, {})
  await page.goto(denied.verification_uri_complete ?? '')
  await page.getByRole('button', { name: 'Deny' }).click()
  await expect(oidc.pollDeviceAuthorizationGrant(config, denied)).rejects.toMatchObject({ error: 'access_denied' })
})

test('a machine client gets tokens for its secret, and asks about those of its organisation', async ({ server, operator }) => {
  const owner = await server.token(operator.email)
  const made = await call<{ id: string; secret: string }>(server, owner, 'POST', '/v1/machine-clients', { name: 'Build server', role: 'author', days: 1 })
  for (const method of [oidc.ClientSecretBasic(made.secret), oidc.ClientSecretPost(made.secret)]) {
    const config = await oidc.discovery(pool(server), made.id, undefined, method, plain)
    const tokens = await oidc.clientCredentialsGrant(config)
    await call(server, tokens.access_token, 'GET', '/v1/labs')
    const told = await oidc.tokenIntrospection(config, tokens.access_token)
    expect(told).toMatchObject({ active: true, sub: made.id, client_id: made.id })
    expect((await oidc.tokenIntrospection(config, owner)).active).toBe(true)
    expect(await oidc.tokenIntrospection(config, 'nonsense')).toEqual({ active: false })
  }
  const wrong = await oidc.discovery(pool(server), made.id, undefined, oidc.ClientSecretPost('x'), plain)
  await expect(oidc.clientCredentialsGrant(wrong)).rejects.toMatchObject({ error: 'invalid_client' })
})

test.describe('with scripts', () => {
  test.use({ javaScriptEnabled: true })

  test('the console signs in with oidc-client-ts in Chromium, and the pages of programs can be used by everybody', async ({ page, server, operator }) => {
    const traded = page.waitForResponse((answer) => answer.url() === `${server.url}/pools/default/token`)
    await signUp(page, newPerson('Olli Oidc'))
    expect((await traded).status()).toBe(200)

    const cli = await oidc.discovery(pool(server), 'cli', undefined, oidc.None(), plain)
    await page.goto(`${server.url}/pools/default/device`)
    await accessible(page)
    await page.goto((await oidc.initiateDeviceAuthorization(cli, {})).verification_uri_complete ?? '')
    await expect(page.getByRole('button', { name: 'Approve' })).toBeVisible()
    await accessible(page)

    const owner = await server.token(operator.email)
    const made = await call<{ id: string }>(server, owner, 'POST', '/v1/oauth-clients', { name: 'Library', redirectUris: [callback] })
    const program = await oidc.discovery(pool(server), made.id, undefined, oidc.None(), plain)
    const challenge = await oidc.calculatePKCECodeChallenge(oidc.randomPKCECodeVerifier())
    const request = { redirect_uri: callback, scope: 'openid', code_challenge: challenge, code_challenge_method: 'S256' }
    await page.goto(oidc.buildAuthorizationUrl(program, request).href)
    await expect(page.getByRole('heading', { name: 'Sign in to Library?' })).toBeVisible()
    await accessible(page)
  })
})
