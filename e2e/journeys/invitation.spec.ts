import { looked } from '../fixtures/accessibility.ts'
import { register } from '../fixtures/organisation.ts'
import { linkIn, mailboxes, newPerson, signUp, type Person } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'
import type { Page } from '@playwright/test'

/** Invites somebody as an instructor, on the page of an organisation's members, and returns the link in the letter. */
async function invite(page: Page, url: string, { email }: Person): Promise<string> {
  await page.goto('/organisation?tab=members')
  await page.getByRole('button', { name: 'Invite', exact: true }).click()
  await page.getByLabel('E-mail', { exact: false }).last().fill(email)
  await page.getByRole('dialog').getByRole('combobox', { name: 'Role' }).click()
  await page.getByRole('option', { name: 'Instructor' }).click()
  await page.getByRole('button', { name: 'Send the invitation' }).click()
  await expect(page.getByRole('row', { name: new RegExp(email) })).toContainText('Open')
  const mailbox = mailboxes.get(url)
  if (!mailbox) throw new Error(`no mailbox of ${url}`)
  const link = linkIn(await mailbox.newest(email))
  expect(link).toContain('/invitation#token=')
  return link
}

/** The organisation that the console shows, which is in its head. */
async function inside(page: Page, title: string, person: Person): Promise<void> {
  await expect(page.getByRole('button', { name: `Account of ${person.name}` })).toBeVisible()
  await expect(page.getByRole('banner').getByText(title)).toBeVisible()
}

async function switchTo(page: Page, title: string, person: Person): Promise<void> {
  await page.getByRole('button', { name: `Account of ${person.name}` }).click()
  await page.getByRole('menuitem', { name: title }).click()
  await inside(page, title, person)
}

test('an existing account accepts an invitation and goes from one organisation to the other', async ({ browser, server, operatorPage }) => {
  test.setTimeout(300_000)
  const amber = await register(browser, server.url, operatorPage, 'Basic', { title: 'Amber Academy', name: 'amber-academy' }, newPerson('Asha Amber'))
  const birch = await register(browser, server.url, operatorPage, 'Basic', { title: 'Birch College', name: 'birch-college' }, newPerson('Bela Birch'))
  const quinn = newPerson('Quinn Guest')
  const quinns = await (await browser.newContext({ baseURL: server.url })).newPage()
  await signUp(quinns, quinn)

  // Signed in: the letter leads to one button, and from there into the other organisation.
  await amber.page.goto(await invite(birch.page, server.url, amber.person))
  await expect(amber.page.getByRole('heading', { name: 'Birch College invites you' })).toBeVisible()
  await expect(amber.page.getByText(`You are signed in as ${amber.person.name}`)).toBeVisible()
  await looked(amber.page, 'invitation-signed-in')
  await amber.page.getByRole('button', { name: 'Accept' }).click()
  await inside(amber.page, 'Birch College', amber.person)
  await switchTo(amber.page, 'Amber Academy', amber.person)
  await switchTo(amber.page, 'Birch College', amber.person)

  // With another account than the one that was invited there is nothing to accept.
  const link = await invite(birch.page, server.url, quinn)
  await amber.page.goto(link)
  await expect(amber.page.getByRole('alert')).toContainText(`This invitation is for ${quinn.email}`)
  await expect(amber.page.getByRole('button', { name: 'Accept' })).toBeHidden()
  await looked(amber.page, 'invitation-for-another')

  // Signed out: the page leads to the sign-in page and back.
  await quinns.context().clearCookies()
  const again = await (await browser.newContext({ baseURL: server.url })).newPage()
  await again.goto(link)
  await expect(again.getByText('You have an account already.')).toBeVisible()
  await looked(again, 'invitation-signed-out')
  await again.getByRole('button', { name: 'Sign in' }).click()
  await again.getByLabel('E-mail address').fill(quinn.email)
  await again.getByLabel('Password', { exact: true }).fill(quinn.password)
  await again.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(again.getByRole('heading', { name: 'Birch College invites you' })).toBeVisible()
  await again.getByRole('button', { name: 'Accept' }).click()
  await inside(again, 'Birch College', quinn)
  await again.goto(link)
  await expect(again.getByRole('alert')).toContainText('This link is over')

  // Whoever signs in anew is asked where to go.
  const fresh = await (await browser.newContext({ baseURL: server.url })).newPage()
  await fresh.goto('/')
  await fresh.getByRole('button', { name: 'Sign in' }).first().click()
  await fresh.getByLabel('E-mail address').fill(amber.person.email)
  await fresh.getByLabel('Password', { exact: true }).fill(amber.person.password)
  await fresh.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(fresh.getByRole('heading', { name: 'Where do you want to go?' })).toBeVisible()
  await looked(fresh, 'choose-tenant')
  await fresh.getByRole('link', { name: 'Birch College' }).click()
  await expect(fresh.getByRole('button', { name: `Account of ${amber.person.name}` })).toBeVisible()
  await fresh.getByRole('button', { name: `Account of ${amber.person.name}` }).click()
  await expect(fresh.getByRole('menuitem', { name: 'Amber Academy' })).toBeVisible()
  await expect(fresh.getByRole('menuitem', { name: 'Birch College' })).toBeHidden()
  for (const page of [amber.page, birch.page, quinns, again, fresh]) await page.context().close()
})
