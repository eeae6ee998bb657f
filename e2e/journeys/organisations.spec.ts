import { accessible } from '../fixtures/accessibility.ts'
import { register } from '../fixtures/organisation.ts'
import { expect, test } from '../fixtures/test.ts'

for (const [tier, organisation] of [
  ['Basic', { title: 'Acme Academy', name: 'acme-academy' }],
  ['Platinum', { title: 'Granite College', name: 'granite-college' }],
] as const) {
  test(`an organisation signs up (${tier}) and has its own portal`, async ({ browser, server, operatorPage }) => {
    const { page } = await register(browser, server.url, operatorPage, tier, organisation)
    await expect(page.getByRole('link', { name: 'File permissions' })).toBeVisible()
    await page.getByRole('link', { name: 'Organisation', exact: true }).first().click()
    await expect(page.getByRole('heading', { name: organisation.title, level: 1 })).toBeVisible()
    await expect(page.getByText(`Plan: ${tier}`)).toBeVisible()
    await accessible(page)
    await page.getByRole('link', { name: 'Members', exact: true }).click()
    await expect(page.getByRole('row', { name: /Oona Owner/ })).toBeVisible()
    await accessible(page)
    await page.getByRole('link', { name: 'Data', exact: true }).click()
    await page.getByRole('button', { name: 'Make an archive' }).click()
    const saved = page.waitForEvent('download')
    await page.getByRole('button', { name: /Download the archive/ }).click({ timeout: 30_000 })
    expect((await saved).suggestedFilename()).toMatch(/^export-.*\.tar\.gz$/)
    await accessible(page)
    await page.getByRole('link', { name: 'Audit log', exact: true }).click()
    await expect(page.getByRole('cell', { name: 'tenant.export_requested' })).toBeVisible()
    await page.context().close()
  })
}

test('an operator suspends and resumes an organisation, which is out at once and in again', async ({ browser, server, operatorPage }) => {
  const { page } = await register(browser, server.url, operatorPage, 'Basic', { title: 'Birch School', name: 'birch-school' })
  await operatorPage.goto('/operator?tab=tenants')
  await expect(operatorPage.getByRole('link', { name: 'Birch School' })).toBeVisible()
  await accessible(operatorPage)
  await operatorPage.getByRole('searchbox', { name: 'Search by name or title' }).fill('birch')
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
  await expect(page.getByRole('heading', { name: 'Your organisation is suspended' })).toBeVisible()
  await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible()
  await accessible(page)

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
