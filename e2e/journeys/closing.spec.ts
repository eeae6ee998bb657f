import { startLab, Terminal } from '../fixtures/lab.ts'
import { register } from '../fixtures/organisation.ts'
import { expect, test } from '../fixtures/test.ts'

test('an operator off-boards an organisation whose people are in a lab: it ends, and all is deleted with a proof', async ({ browser, server, operatorPage }) => {
  test.slow() // it signs an organisation up, runs a sandbox and purges everything
  const { page, person } = await register(browser, server.url, operatorPage, 'Basic', { title: 'Elm Works', name: 'elm-works' })
  await startLab(page, 'File permissions')
  await new Terminal(page).prompt()
  await operatorPage.goto('/operator')
  const running = operatorPage.getByRole('row', { name: new RegExp(person.email) })
  await expect(running).toBeVisible()

  await operatorPage.goto('/operator?tab=tenants&q=elm-works')
  await operatorPage.getByRole('link', { name: 'Elm Works' }).click()
  await operatorPage.getByRole('button', { name: 'Off-board' }).click()
  const dialog = operatorPage.getByRole('dialog')
  await dialog.getByLabel('Reason').fill('They asked for it.')
  await dialog.getByLabel('Days of grace').fill('0')
  await dialog.getByLabel(/^Type/).fill('elm-works')
  await dialog.getByRole('button', { name: 'Off-board' }).click()
  await expect(operatorPage.getByRole('region', { name: 'Off-board the organisation' })).toContainText('Done', { timeout: 60_000 })
  await expect(operatorPage.getByText('Purged', { exact: true })).toBeVisible()
  await expect(operatorPage.getByText('Proof of deletion')).toBeVisible()

  await expect(page.getByTestId('terminal-1')).toBeHidden()
  await operatorPage.goto('/operator')
  await expect(running).toBeHidden()
  await page.goto('/?tenant=elm-works')
  await expect(page.getByText(/There is no organisation of this name|was closed and its data is deleted/).first()).toBeVisible()
  await page.context().close()
})
