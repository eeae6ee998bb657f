import type { Page, Route } from '@playwright/test'
import { looked } from '../fixtures/accessibility.ts'
import { expect, test } from '../fixtures/test.ts'

const members = '**/v1/members?*'

/** Answers what the page asks for as the server would answer then. */
function problem(status: number, code: string, detail: string, headers: Record<string, string> = {}) {
  return (route: Route) =>
    route.fulfill({ status, headers, contentType: 'application/problem+json', body: JSON.stringify({ status, code, detail, requestId: 'req-17' }) })
}

async function openMembers(page: Page): Promise<void> {
  await page.goto('/organisation?tab=members')
  await expect(page.getByRole('heading', { name: 'Invitations' })).toBeVisible()
}

test('what is refused as too much says when to try again, and then does', async ({ operatorPage: page }) => {
  await page.clock.install()
  await page.route(members, problem(429, 'rate_limited', 'Your organisation asks too often.', { 'Retry-After': '20' }))
  await openMembers(page)
  await expect(page.getByRole('heading', { name: 'Too many requests' })).toBeVisible()
  await expect(page.getByRole('button', { name: /^Try again in 0:\d\d$/ })).toBeVisible()
  await looked(page, 'error-429')
  await page.unroute(members)
  await page.clock.runFor(25_000)
  await page.getByRole('button', { name: 'Try again', exact: true }).click()
  await expect(page.getByRole('rowheader', { name: 'Olga Operator' })).toBeVisible()
})

test('what one may not see says why, and offers no other try', async ({ operatorPage: page }) => {
  await page.route(members, problem(403, 'forbidden', 'The policy “Nights” of your organisation does not allow this.'))
  await openMembers(page)
  const alert = page.getByRole('alert').filter({ hasText: 'You may not see this' })
  await expect(alert).toContainText('The policy “Nights” of your organisation does not allow this.')
  await expect(alert.getByRole('button')).toHaveCount(0)
  await looked(page, 'error-403')
})

test('a fault of the server has an id to quote', async ({ operatorPage: page }) => {
  await page.route(members, problem(500, 'internal', 'Something went wrong on our side.'))
  await openMembers(page)
  await expect(page.getByRole('alert').filter({ hasText: 'req-17' })).toContainText('This did not load')
  await looked(page, 'error-500')
  await page.unroute(members)
  await page.getByRole('button', { name: 'Try again', exact: true }).click()
  await expect(page.getByRole('rowheader', { name: 'Olga Operator' })).toBeVisible()
})

test('without a connection the console says so, keeps what it has, and goes on by itself', async ({ operatorPage: page }) => {
  await openMembers(page)
  await expect(page.getByRole('rowheader', { name: 'Olga Operator' })).toBeVisible()
  await page.context().setOffline(true)
  await expect(page.getByText('You are offline.')).toBeVisible()
  await page.getByRole('radiogroup', { name: 'Role' }).getByText('Learner', { exact: true }).click()
  await expect(page.getByRole('rowheader', { name: 'Olga Operator' })).toBeVisible()
  await looked(page, 'error-offline')
  await page.context().setOffline(false)
  await expect(page.getByText('You are offline.')).toBeHidden()
  await expect(page.getByRole('rowheader', { name: 'Olga Operator' })).toBeHidden() // she is no learner: the list was read anew
})

test('who was signed out elsewhere signs in and is back where they were', async ({ operatorPage: page, operator }) => {
  await openMembers(page)
  await page.route('**/v1/**', (route) => (route.request().url().includes('/v1/directory') ? route.continue() : problem(401, 'unauthorized', 'Sign in.')(route)))
  await page.route('**/token', (route) => route.fulfill({ status: 400, contentType: 'application/json', body: '{"error":"invalid_grant"}' }))
  await page.context().clearCookies()
  await page.getByRole('link', { name: 'Groups' }).click()
  await expect(page.getByLabel('E-mail address')).toBeVisible()
  await page.unrouteAll()
  await page.getByLabel('E-mail address').fill(operator.email)
  await page.getByLabel('Password', { exact: true }).fill(operator.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(page).toHaveURL(/\/organisation\?tab=groups/)
  await expect(page.getByRole('button', { name: 'Add a group' }).first()).toBeVisible()
})
