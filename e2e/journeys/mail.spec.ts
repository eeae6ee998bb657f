import { accessible } from '../fixtures/accessibility.ts'
import { register } from '../fixtures/organisation.ts'
import { expect, test } from '../fixtures/test.ts'

test('an owner writes the invitation in Hindi, invites somebody, and the mailbox shows it so', async ({ browser, operatorPage: operator, server }) => {
  const { page } = await register(browser, server.url, operator, 'Premium', { title: 'Asha School', name: 'asha-school' })
  await page.goto('/organisation?tab=mail')
  await expect(page.getByText('Welcome of the organisation')).toBeVisible()
  await accessible(page)

  await page.getByRole('combobox', { name: 'Language', exact: true }).click()
  await page.getByRole('option', { name: 'हिन्दी' }).click()
  await expect(page.getByText('The language is changed.')).toBeVisible()

  await page.getByRole('button', { name: 'Invitation, हिन्दी' }).click()
  await expect(page.getByText('You have not written this letter yet.')).toBeVisible()
  const letter = page.frameLocator('iframe[title="Preview"]')
  await expect(letter.getByRole('link', { name: 'न्योता स्वीकार करें' })).toBeVisible()
  await page.getByLabel('Subject').fill('आशा स्कूल में स्वागत है {{.link}}')
  await expect(page.getByText(/lets its reader in: it must not stand in the subject/)).toBeVisible()
  await expect(page.getByRole('button', { name: 'Save', exact: true })).toBeDisabled()
  await page.getByLabel('Subject').fill('{{.tenant}} में स्वागत है')
  await page.getByRole('textbox', { name: 'HTML' }).fill('<h1>नमस्ते</h1><script>document.title = "no"</script><p><a href="{{.link}}">अंदर आइए</a></p>')
  await expect(letter.getByRole('heading', { name: 'नमस्ते' })).toBeVisible()
  await expect(letter.getByRole('link', { name: 'अंदर आइए' })).toBeVisible()
  await accessible(page)
  await page.getByRole('button', { name: 'Send me a test' }).click()
  await expect(page.getByText(/A test is on its way to/)).toBeVisible()
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(page.getByText('The letter is saved.', { exact: false })).toBeVisible()

  await page.goto('/organisation?tab=members')
  await page.getByRole('button', { name: 'Invite', exact: true }).click()
  await page.getByLabel('E-mail', { exact: false }).last().fill('ravi@example.org')
  await page.getByRole('button', { name: 'Send the invitation' }).click()
  await expect(page.getByText('ravi@example.org').first()).toBeVisible()

  await operator.goto('/operator?tab=mail')
  await operator.getByRole('button', { name: 'Asha School में स्वागत है' }).first().click()
  await expect(operator.getByRole('dialog').getByText(/invitation#token=/)).toBeVisible()

  await page.goto('/organisation?tab=mail')
  const row = page.getByRole('row', { name: /ravi@example\.org/ })
  await expect(row.getByText('Asha School में स्वागत है')).toBeVisible()
  await expect(row.getByText('Kept here')).toBeVisible()
  await expect(page.getByRole('row', { name: /Invitation, हिन्दी/ }).getByText('Your own')).toBeVisible()

  await page.getByRole('button', { name: 'Invitation, हिन्दी' }).click()
  await page.getByRole('button', { name: 'Use the program’s' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Use the program’s' }).click()
  await expect(letter.getByRole('link', { name: 'न्योता स्वीकार करें' })).toBeVisible()
  await page.getByRole('button', { name: 'Restore version 1' }).click()
  await expect(letter.getByRole('link', { name: 'अंदर आइए' })).toBeVisible()
  await page.context().close()
})
