import { endLab, startLab, Terminal } from '../fixtures/lab.ts'
import { newPerson, signIn, signUp } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'

test('the link for the first operator works once', async ({ page, server, operator }) => {
  expect(operator.email).toContain('@')
  await page.goto(server.setupLink)
  await expect(page.getByRole('button', { name: 'Create the first operator' })).toBeHidden()
  await expect(page.getByRole('alert')).toBeVisible()
})

test('an operator sees who runs what', async ({ operatorPage, page }) => {
  const learner = newPerson('Rita Runner')
  await signUp(page, learner)
  await startLab(page, 'File permissions')
  await new Terminal(page).prompt()
  await operatorPage.goto('/operator')
  const row = operatorPage.getByRole('row', { name: new RegExp(learner.email) })
  await expect(row).toContainText(/linux-permissions|File permissions/)
  await endLab(page)
})

test('an operator helps somebody who forgot the password', async ({ operatorPage, page, browser, server }) => {
  const person = newPerson('Flo Forgetful')
  await signUp(page, person)

  await operatorPage.goto('/operator?tab=users')
  await operatorPage.getByRole('searchbox', { name: 'Search by name or e-mail' }).fill(person.email)
  await operatorPage.getByRole('button', { name: `Reset the password of ${person.name}` }).click()
  const dialog = operatorPage.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Make the link' }).click()
  const link = await dialog.getByText(/\/reset\?token=/).innerText()

  const context = await browser.newContext({ baseURL: server.url })
  const fresh = await context.newPage()
  await fresh.goto(link)
  const changed = { ...person, password: 'another horse entirely 9' }
  await fresh.getByLabel('New password').fill(changed.password)
  await fresh.getByRole('button', { name: 'Save the new password' }).click()
  await expect(fresh.getByRole('heading', { name: 'Your password is changed' })).toBeVisible()
  await signIn(fresh, changed)

  await fresh.goto(link)
  await expect(fresh.getByRole('button', { name: 'Save the new password' })).toBeHidden()
  await context.close()
})

test('a wrong password says so and tells nothing else', async ({ page, operator }) => {
  await page.goto('/')
  await page.getByRole('button', { name: 'Sign in' }).first().click()
  await page.getByLabel('E-mail address').fill(operator.email)
  await page.getByLabel('Password', { exact: true }).fill('not the password')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(page.getByRole('alert')).toBeVisible()
  const known = await page.getByRole('alert').innerText()
  await page.getByLabel('E-mail address').fill('nobody@example.org')
  await page.getByLabel('Password', { exact: true }).fill('not the password')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(page.getByRole('alert')).toHaveText(known)
})

test('signing out ends the session in this browser', async ({ learner: page }) => {
  await page.getByRole('button', { name: /^Account of/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  const sure = page.getByRole('button', { name: 'Sign out' })
  if (await sure.isVisible()) await sure.click()
  await page.goto('/sessions')
  await expect(page.getByRole('button', { name: 'Sign in' }).first()).toBeVisible()
})
