import { looked } from '../fixtures/accessibility.ts'
import { register } from '../fixtures/organisation.ts'
import { expect, test } from '../fixtures/test.ts'

test('an owner makes an API key, a program calls with it, and is refused once it is revoked', async ({ browser, server, operatorPage, request }) => {
  test.setTimeout(300_000)
  const { page } = await register(browser, server.url, operatorPage, 'Basic', { title: 'Larch Academy', name: 'larch-academy' })
  await page.goto('/organisation?tab=api-keys')
  await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible()
  await page.getByRole('button', { name: 'New key' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('Grade export')
  await dialog.getByRole('checkbox', { name: /^See the catalogue/ }).check()
  await looked(page, 'key-form')
  await dialog.getByRole('button', { name: 'Make the key' }).click()
  const secret = await dialog.getByLabel('Secret').innerText()
  await looked(page, 'key-secret')
  await page.keyboard.press('Escape') // a secret that is shown once is not lost so
  await expect(dialog.getByLabel('Secret')).toBeVisible()
  await dialog.getByRole('button', { name: 'I have kept it' }).click()

  const headers = { authorization: `Bearer ${secret.trim()}` }
  const labs = await request.get('/v1/labs', { headers })
  expect(labs.status()).toBe(200)
  expect(await labs.text()).toContain('File permissions')
  expect((await request.get('/v1/members', { headers })).status(), 'what it has no scope for').toBe(403)
  await page.reload()
  await expect(page.getByRole('listitem').filter({ hasText: 'Grade export' })).toContainText('Works')
  await looked(page, 'keys')

  await page.getByRole('button', { name: 'Revoke “Grade export”' }).click()
  await dialog.getByLabel('Type Grade export to confirm').fill('Grade export')
  await dialog.getByRole('button', { name: 'Revoke', exact: true }).click()
  await expect(dialog).toBeHidden()
  await expect.poll(async () => (await request.get('/v1/labs', { headers })).status()).toBe(401)
  await page.context().close()
})

test('an owner gives a machine a role, registers a program, and finds both in the audit log', async ({ browser, server, operatorPage }) => {
  test.setTimeout(300_000)
  const { page } = await register(browser, server.url, operatorPage, 'Basic', { title: 'Rowan Academy', name: 'rowan-academy' })
  const dialog = page.getByRole('dialog')
  await page.goto('/organisation?tab=machine-clients')
  await page.getByRole('button', { name: 'New machine client' }).click()
  await dialog.getByLabel('Name').fill('Build server')
  await dialog.getByLabel('Role').selectOption('Author')
  await dialog.getByRole('button', { name: 'Make it' }).click()
  await dialog.getByRole('button', { name: 'I have kept it' }).click()
  await expect(page.getByRole('listitem').filter({ hasText: 'Build server' })).toContainText('Author')
  await looked(page, 'machines')

  await page.goto('/organisation?tab=programs')
  await page.getByRole('button', { name: 'Register a program' }).click()
  await dialog.getByLabel('Name').fill('Wiki')
  await dialog.getByLabel('Addresses to come back to').fill('https://wiki.example.com/callback')
  await looked(page, 'program-form')
  await dialog.getByRole('button', { name: 'Register', exact: true }).click()
  await dialog.getByRole('button', { name: 'I have kept it' }).click()
  await expect(page.getByRole('listitem').filter({ hasText: 'Wiki' })).toContainText('https://wiki.example.com/callback')
  await looked(page, 'programs')

  await page.goto('/organisation')
  await expect(page.getByText('Plan: Basic')).toBeVisible()
  await looked(page, 'usage')
  await page.goto('/organisation?tab=audit')
  await expect(page.getByRole('row', { name: /Build server/ }).first()).toBeVisible()
  await looked(page, 'audit')
  await page.context().close()
})
