import { accessible } from '../fixtures/accessibility.ts'
import { addAuthenticator, appCode } from '../fixtures/authenticator.ts'
import { newPerson, signIn, signUp, type Person } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'
import type { Page } from '@playwright/test'

/** Fills in the sign-in page, whatever comes after it. */
async function password(page: Page, person: Person): Promise<void> {
  await page.goto('/')
  await page.getByRole('button', { name: 'Sign in' }).first().click()
  await page.getByLabel('E-mail address').fill(person.email)
  await page.getByLabel('Password', { exact: true }).fill(person.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

async function inside(page: Page, person: Person): Promise<void> {
  await expect(page.getByRole('button', { name: `Account of ${person.name}` })).toBeVisible()
}

test('somebody adds a passkey and signs in with it alone', async ({ page, browser, server }) => {
  const person = newPerson('Pia Passkey')
  await signUp(page, person)
  const { cdp, id } = await addAuthenticator(page)
  await page.goto('/profile')
  await page.getByRole('link', { name: 'Add or change' }).click()
  await accessible(page)
  await page.getByRole('link', { name: 'Passkey' }).click()
  await accessible(page)
  await page.getByLabel('What to call it').fill('My laptop')
  await page.getByRole('button', { name: 'Make a passkey' }).click()
  await expect(page.getByRole('heading', { name: 'Your recovery codes' })).toBeVisible()
  await expect(page.getByRole('listitem')).toHaveCount(10)
  await accessible(page)
  await page.getByRole('link', { name: 'I have kept them' }).click()
  await expect(page.getByText('My laptop')).toBeVisible()
  const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId: id })
  expect(credentials).toHaveLength(1)
  expect(credentials[0]?.isResidentCredential).toBe(true)

  // The same device, signed out: the passkey says who it is.
  await page.goto('/pools/default/devices')
  await accessible(page)
  await page.getByRole('button', { name: 'Sign out everywhere' }).click()
  await page.goto('/')
  await page.getByRole('button', { name: 'Sign in' }).first().click()
  await accessible(page)
  let sent = ''
  page.on('request', (request) => {
    if (request.method() === 'POST' && new URL(request.url()).pathname.endsWith('/passkey')) sent = request.postData() ?? ''
  })
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await inside(page, person)
  await page.goto('/profile')
  await expect(page.getByText('Passkey, last used')).toBeVisible()

  // Another device has the password alone, and the answer that the first one gave: it is used up.
  const context = await browser.newContext({ baseURL: server.url })
  const thief = await context.newPage()
  await password(thief, person)
  await expect(thief.getByRole('button', { name: 'Use a passkey' })).toBeVisible()
  expect(new URLSearchParams(sent).get('credential')).toContain('"signature"')
  const token = await thief.locator('input[name=token]').first().inputValue()
  const form = { token, use: 'passkey', credential: new URLSearchParams(sent).get('credential') ?? '' }
  const headers = { origin: server.url }
  for (const [begin, finish] of [
    ['challenge/passkey', 'challenge'],
    ['passkey/begin', 'passkey'],
  ]) {
    const asked = await context.request.post(`/pools/default/${begin}`, { form: { token }, headers })
    expect(asked.status(), begin).toBe(200)
    const answer = await context.request.post(`/pools/default/${finish}`, { form, headers })
    expect(answer.status(), finish).toBe(401)
    expect(await answer.text(), finish).toContain('That passkey did not work')
  }
  expect((await context.cookies()).map(({ name }) => name)).not.toContain('__Host-cloudkida-default')
  await context.close()
})

test('a passkey is the second step after a password', async ({ page }) => {
  const person = newPerson('Kai Key')
  await signUp(page, person)
  await addAuthenticator(page)
  await page.goto('/pools/default/factors/passkey')
  await page.getByRole('button', { name: 'Make a passkey' }).click()
  await page.getByRole('link', { name: 'I have kept them' }).click()
  await page.goto('/pools/default/devices')
  await page.getByRole('button', { name: 'Sign out everywhere' }).click()
  await password(page, person)
  await expect(page.getByRole('heading', { name: 'One more step' })).toBeVisible()
  await accessible(page)
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await inside(page, person)
})

test('an authenticator app and a recovery code, without JavaScript on our pages', async ({ page, browser, server }) => {
  const person = newPerson('Toni Totp')
  await signUp(page, person)
  await page.goto('/pools/default/factors/app')
  await accessible(page)
  await page.getByText('Cannot scan it?').click()
  const key = await page.locator('code').innerText()
  const used = appCode(key)
  await page.getByLabel('Code that the app shows').fill(used)
  await page.getByRole('button', { name: 'Add the app' }).click()
  const codes = await page.locator('li code').allInnerTexts()
  expect(codes).toHaveLength(10)

  const context = await browser.newContext({ baseURL: server.url })
  const other = await context.newPage()
  await password(other, person)
  await accessible(other)
  await other.getByLabel('Six-digit code').fill(used) // by the set-up
  await other.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(other.getByRole('alert')).toContainText('This code is not right')
  await accessible(other)
  await other.getByLabel('Six-digit code').fill(appCode(key, 1))
  await other.getByRole('button', { name: 'Sign in', exact: true }).click()
  await inside(other, person)
  await context.close()

  const plain = await browser.newContext({ baseURL: server.url, javaScriptEnabled: false })
  const third = await plain.newPage()
  const query = new URLSearchParams({
    client_id: 'console',
    redirect_uri: `${server.url}/auth/callback`,
    response_type: 'code',
    scope: 'openid',
    state: 's',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  })
  await third.goto(`/pools/default/authorize?${query}`)
  await expect(third.getByRole('button', { name: 'Sign in with a passkey' })).toBeHidden()
  await third.getByLabel('E-mail address').fill(person.email)
  await third.getByLabel('Password', { exact: true }).fill(person.password)
  await third.getByRole('button', { name: 'Sign in', exact: true }).click()
  await third.getByRole('link', { name: 'Use a recovery code' }).click()
  await third.getByLabel('Recovery code').fill(codes[0] ?? '')
  await third.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(third).toHaveURL(/\/auth\/callback\?.*code=/)
  await third.goto('/pools/default/factors')
  await expect(third.getByText('You have 9 left.')).toBeVisible()
  await plain.close()
})

test('the profile shows devices and signs one out', async ({ page, browser, server }) => {
  const person = newPerson('Dora Devices')
  await signUp(page, person)
  const context = await browser.newContext({ baseURL: server.url })
  const other = await context.newPage()
  await signIn(other, person)
  await page.goto('/profile')
  await expect(page.getByText('This device')).toBeVisible()
  await accessible(page)
  await page.getByRole('button', { name: /^Sign out Chrome on Linux/ }).click()
  await expect(page.getByRole('button', { name: /^Sign out Chrome on Linux/ })).toBeHidden()
  await other.goto('/profile')
  await expect(other.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await context.close()
})
