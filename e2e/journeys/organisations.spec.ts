import { accessible } from '../fixtures/accessibility.ts'
import { newPerson } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'
import type { Browser, Page } from '@playwright/test'

/** The link in the newest mail to an address, as the operator hands it over. */
async function mailedLink(operatorPage: Page, email: string): Promise<string> {
  await operatorPage.goto('/operator?tab=mail')
  const row = operatorPage.getByRole('row', { name: new RegExp(email) }).first()
  await row.getByRole('button').click()
  const text = await operatorPage.getByRole('dialog').getByText(/\/register\/confirm#token=/).innerText()
  await operatorPage.keyboard.press('Escape')
  const link = /https?:\/\/\S+\/register\/confirm#token=\S+/.exec(text)?.[0]
  if (!link) throw new Error(`no link in: ${text}`)
  return link
}

interface Organisation {
  title: string
  name: string
}

/** Signs an organisation up and makes its first owner, who is signed in at the end. */
async function register(browser: Browser, url: string, operatorPage: Page, tier: string, organisation: Organisation): Promise<Page> {
  const owner = newPerson('Oona Owner')
  const context = await browser.newContext({ baseURL: url })
  const page = await context.newPage()
  await page.goto('/register')
  await accessible(page)
  await page.getByRole('radio', { name: new RegExp(`^${tier}`) }).click()
  await page.getByLabel('Organisation', { exact: false }).first().fill(organisation.title)
  await expect(page.getByLabel('Name in addresses')).toHaveValue(organisation.name)
  await page.getByLabel('Your name').fill(owner.name)
  await page.getByLabel('Your e-mail address').fill(owner.email)
  await page.getByRole('button', { name: 'Send the link' }).click()
  await expect(page.getByRole('heading', { name: 'Look into your mail' })).toBeVisible()

  await page.goto(await mailedLink(operatorPage, owner.email))
  await expect(page.getByRole('heading', { name: `The portal of ${organisation.title} is ready` })).toBeVisible({ timeout: 30_000 })
  expect(page.url(), 'the token is not in the address any more').not.toContain('token')
  await accessible(page)
  await page.getByRole('button', { name: 'Choose your password' }).click()
  await page.getByLabel(/password/i).first().fill(owner.password)
  await page.getByRole('button', { name: 'Save and enter' }).click()
  await page.waitForURL((url) => !url.pathname.endsWith('/enter'))

  await page.goto(`/?tenant=${organisation.name}`)
  await page.getByRole('button', { name: 'Sign in' }).first().click()
  const email = page.getByLabel('E-mail address')
  const account = page.getByRole('button', { name: `Account of ${owner.name}` })
  await expect(email.or(account)).toBeVisible()
  if (await email.isVisible()) {
    await email.fill(owner.email)
    await page.getByLabel('Password', { exact: true }).fill(owner.password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  }
  await expect(account).toBeVisible()
  return page
}

for (const [tier, organisation] of [
  ['Basic', { title: 'Acme Academy', name: 'acme-academy' }],
  ['Platinum', { title: 'Granite College', name: 'granite-college' }],
] as const) {
  test(`an organisation signs up (${tier}) and has its own portal`, async ({ browser, server, operatorPage }) => {
    const page = await register(browser, server.url, operatorPage, tier, organisation)
    await expect(page.getByRole('link', { name: 'File permissions' })).toBeVisible()
    await page.getByRole('link', { name: 'Organisation', exact: true }).first().click()
    await expect(page.getByRole('heading', { name: organisation.title, level: 1 })).toBeVisible()
    await expect(page.getByText(`Plan: ${tier}`)).toBeVisible()
    await accessible(page)
    await page.getByRole('tab', { name: 'Members' }).click()
    await expect(page.getByRole('row', { name: /Oona Owner/ })).toBeVisible()
    await accessible(page)
    await page.getByRole('tab', { name: 'Data' }).click()
    await page.getByRole('button', { name: 'Make an archive' }).click()
    const saved = page.waitForEvent('download')
    await page.getByRole('button', { name: /Download the archive/ }).click({ timeout: 30_000 })
    expect((await saved).suggestedFilename()).toMatch(/^export-.*\.tar\.gz$/)
    await accessible(page)
    await page.getByRole('tab', { name: 'Audit log' }).click()
    await expect(page.getByRole('cell', { name: 'tenant.export_requested' })).toBeVisible()
    await page.context().close()
  })
}

test('an operator suspends and resumes an organisation, which is out at once and in again', async ({ browser, server, operatorPage }) => {
  const page = await register(browser, server.url, operatorPage, 'Basic', { title: 'Birch School', name: 'birch-school' })
  await operatorPage.goto('/operator?tab=tenants')
  await expect(operatorPage.getByRole('link', { name: 'Birch School' })).toBeVisible()
  await accessible(operatorPage)
  await operatorPage.getByRole('textbox', { name: 'Search by name or title' }).fill('birch')
  await operatorPage.waitForURL(/q=birch/)
  await operatorPage.getByRole('link', { name: 'Birch School' }).click()
  await operatorPage.getByRole('button', { name: 'Suspend' }).click()
  const dialog = operatorPage.getByRole('dialog')
  await dialog.getByLabel('Reason').fill('The invoice is not paid.')
  await dialog.getByRole('button', { name: 'Suspend' }).click()
  await expect(operatorPage.getByText('Suspended', { exact: true })).toBeVisible()
  await expect(operatorPage.getByRole('region', { name: 'Suspend the organisation' })).toContainText('Done', { timeout: 20_000 })
  await accessible(operatorPage)

  await page.goto('/sessions')
  await expect(page.getByText(/suspended|not open/i).first()).toBeVisible()

  await operatorPage.getByRole('button', { name: 'Resume' }).click()
  await operatorPage.getByRole('dialog').getByRole('button', { name: 'Resume' }).click()
  await expect(operatorPage.getByText('Active', { exact: true })).toBeVisible()
  await expect(async () => {
    await page.goto('/')
    await expect(page.getByRole('link', { name: 'File permissions' })).toBeVisible({ timeout: 3000 })
  }).toPass({ timeout: 20_000 })

  await operatorPage.getByRole('button', { name: 'Move to a silo' }).click()
  await operatorPage.getByRole('dialog').getByRole('button', { name: 'Move to a silo' }).click()
  await expect(operatorPage.getByRole('region', { name: "Move the organisation's data" })).toContainText('Done', { timeout: 30_000 })
  await page.goto('/')
  await expect(page.getByRole('link', { name: 'File permissions' })).toBeVisible()
  await operatorPage.goto('/operator?tab=upgrades')
  await expect(operatorPage.getByRole('row', { name: /Birch School/ })).toContainText('Up to date')
  await page.context().close()
})
