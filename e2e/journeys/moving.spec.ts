import { looked } from '../fixtures/accessibility.ts'
import { register } from '../fixtures/organisation.ts'
import { expect, test } from '../fixtures/test.ts'
import type { Locator, Page } from '@playwright/test'

/** The card of a change that is over: every step is done and says how long it took. */
async function over(page: Page, title: string, tier: string): Promise<void> {
  const steps = ['Make the silo', 'Move the data', tier, 'Delete the old copy', "Write it into the organisation's audit log"]
  const card = page.getByRole('region', { name: title }).first()
  await expect(card).toContainText('Done', { timeout: 30_000 })
  const list = card.getByRole('list', { name: `Steps: ${title}` }).or(card.getByRole('list'))
  await expect(list.getByRole('listitem')).toHaveCount(steps.length)
  for (const step of steps) await expect(list.getByRole('listitem').filter({ hasText: step })).toContainText(/, done.*\d\s?(ms|s)/)
}

const fact = (page: Page, name: string): Locator => page.locator('dl > div').filter({ has: page.getByText(name, { exact: true }) }).locator('dd')

test('an operator changes a tier and moves the data back, told before and shown afterwards', async ({ browser, server, operatorPage }) => {
  test.slow() // it signs an organisation up, moves it twice and looks at three pages
  const { page } = await register(browser, server.url, operatorPage, 'Basic', { title: 'Larch Workshop', name: 'larch-workshop' })
  await operatorPage.goto('/operator?tab=tenants&q=larch')
  await operatorPage.getByRole('link', { name: 'Larch Workshop' }).click()
  await expect(fact(operatorPage, 'Data')).toHaveText('Pool')
  const dialog = operatorPage.getByRole('dialog')

  await operatorPage.getByRole('button', { name: 'Change the tier' }).click()
  await expect(dialog).toContainText('Its limits change within seconds.')
  await expect(dialog).toContainText('Accounts stay in the user pool where they are')
  const change = dialog.getByRole('button', { name: 'Change the tier' })
  await expect(change).toBeDisabled()
  await operatorPage.keyboard.press('Escape')
  await expect(dialog).toBeHidden()
  await expect(operatorPage.getByRole('region', { name: 'Change the tier' })).toBeHidden() // nothing has happened

  await operatorPage.getByRole('button', { name: 'Change the tier' }).click()
  await dialog.getByRole('combobox', { name: 'New tier' }).click()
  await expect(operatorPage.getByRole('option', { name: /Basic/ })).toBeHidden() // which it has
  await operatorPage.getByRole('option', { name: 'Platinum (Silo)' }).click()
  await looked(operatorPage, 'tier-dialog')
  await change.click()
  await expect(dialog).toBeHidden()
  await over(operatorPage, 'Change the tier', 'Change the tier')
  await expect(fact(operatorPage, 'Data')).toHaveText('Silo')
  await expect(fact(operatorPage, 'Tier')).toHaveText('platinum')
  await looked(operatorPage, 'tier-changed')

  await operatorPage.getByRole('button', { name: 'Move to the pool' }).click()
  await expect(dialog).toContainText('Its data moves back to the pool. Its own writes wait for a moment, nobody else notices.')
  await looked(operatorPage, 'move-dialog')
  await dialog.getByRole('button', { name: 'Move to the pool' }).click()
  await over(operatorPage, "Move the organisation's data", 'Keep the tier')
  await expect(fact(operatorPage, 'Data')).toHaveText('Pool')
  await expect(operatorPage.getByRole('button', { name: 'Move to a silo' })).toBeVisible()

  await operatorPage.getByRole('button', { name: 'Move to a silo' }).click()
  await expect(dialog).toContainText('Its data moves to a schema and a database role of its own.')
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await expect(fact(operatorPage, 'Data')).toHaveText('Pool')

  await page.goto('/')
  await expect(page.getByRole('link', { name: 'File permissions' })).toBeVisible() // its people have all they had
  await page.goto('/organisation')
  await expect(page.getByText('Plan: Platinum')).toBeVisible()
  await page.context().close()
})
