import { accessible } from '../fixtures/accessibility.ts'
import { register } from '../fixtures/organisation.ts'
import { IdentityProvider } from '../fixtures/provider.ts'
import { expect, test } from '../fixtures/test.ts'
import type { Page } from '@playwright/test'

/** Signs in on the provider's own pages, and consents. */
async function signInThere(page: Page, name: string): Promise<void> {
  await page.locator('input[name=login]').fill(name)
  await page.locator('input[name=password]').fill('any')
  await page.getByRole('button', { name: 'Sign-in' }).click()
  await page.getByRole('button', { name: 'Continue' }).click()
}

test('an organisation adds its own identity provider, tests it, and its people come in by it alone', async ({ browser, server, operatorPage }) => {
  test.setTimeout(150_000)
  const { page } = await register(browser, server.url, operatorPage, 'Premium', { title: 'Cedar School', name: 'cedar-school' })
  await page.goto('/organisation?tab=sign-in')
  await expect(page.getByRole('heading', { name: 'No identity provider yet' })).toBeVisible()
  await accessible(page)
  await page.getByRole('button', { name: 'Add an identity provider' }).click()
  const dialog = page.getByRole('dialog')
  const redirectUri = await dialog.getByText(/\/federation\/callback$/).last().innerText()
  const provider = await IdentityProvider.start(redirectUri.trim())
  try {
    await dialog.getByLabel('Name', { exact: false }).first().fill('Cedar ID')
    await dialog.getByLabel('Issuer').fill(provider.issuer)
    await dialog.getByLabel('Client ID').fill(provider.clientId)
    await dialog.getByLabel('Client secret').fill('not the secret')
    await dialog.getByLabel('Claim with roles').fill('groups')
    await dialog.getByLabel('Roles', { exact: true }).fill('teachers = instructor')
    await accessible(page)
    await dialog.getByRole('button', { name: 'Save' }).click()
    await expect(page.getByRole('listitem', { name: 'Cedar ID' })).toContainText('On')
    await accessible(page)

    await page.getByRole('button', { name: 'Test Cedar ID' }).click()
    const steps = dialog.getByRole('list', { name: 'Steps without a person' }).getByRole('listitem')
    await expect(steps.last()).toContainText('does not accept the client id and secret')
    await expect(steps.nth(3)).toContainText('right')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Edit Cedar ID' }).click()
    await dialog.getByLabel('Client secret').fill(provider.clientSecret)
    await dialog.getByRole('button', { name: 'Save' }).click()
    await expect(dialog).toBeHidden()

    await page.getByRole('button', { name: 'Test Cedar ID' }).click()
    await expect(steps.last()).toContainText('client id and secret are right')
    const opened = page.context().waitForEvent('page')
    await dialog.getByRole('button', { name: 'Test sign-in' }).click()
    const tab = await opened
    await signInThere(tab, 'teacher.tess')
    await expect(tab.getByRole('heading', { name: 'The test sign-in has ended' })).toBeVisible()
    await accessible(tab)
    await tab.close()
    await expect(dialog.getByRole('list', { name: 'Steps of the test sign-in' })).toContainText('role: instructor')
    await accessible(page)
    await page.keyboard.press('Escape')

    const context = await browser.newContext({ baseURL: server.url })
    const tess = await context.newPage()
    await tess.goto('/?tenant=cedar-school')
    await tess.getByRole('button', { name: 'Sign in' }).first().click()
    await expect(tess.getByRole('heading', { name: 'Sign in to Cedar School' })).toBeVisible()
    await accessible(tess)
    await tess.getByRole('link', { name: 'Continue with Cedar ID' }).click()
    await signInThere(tess, 'teacher.tess')
    await expect(tess.getByRole('button', { name: 'Account of Teacher.tess of Cedar' })).toBeVisible()
    await context.close()

    await page.getByRole('link', { name: 'Members', exact: true }).click()
    await expect(page.getByRole('row', { name: /teacher\.tess@cedar\.example/ })).toContainText(/./)
    await expect(page.getByRole('textbox', { name: 'Role of Teacher.tess of Cedar' }).or(page.getByRole('combobox', { name: 'Role of Teacher.tess of Cedar' })).first()).toHaveValue('Instructor')

    await page.getByRole('link', { name: 'Sign-in', exact: true }).click()
    await page.getByRole('switch', { name: 'Only by our identity providers' }).click()
    await expect(dialog).toContainText('Test it first')
    await accessible(page)
    await dialog.getByRole('button', { name: 'Only by our providers' }).click()
    await expect(page.getByRole('switch', { name: 'Only by our identity providers' })).toBeChecked()

    const pupil = await (await browser.newContext({ baseURL: server.url })).newPage()
    await pupil.goto('/?tenant=cedar-school')
    await pupil.getByRole('button', { name: 'Sign in' }).first().click()
    await expect(pupil.getByRole('link', { name: 'Continue with Cedar ID' })).toBeVisible()
    await expect(pupil.getByLabel('Password')).toBeHidden()
    await accessible(pupil)
    await pupil.getByRole('link', { name: 'Continue with Cedar ID' }).click()
    await signInThere(pupil, 'pia')
    await expect(pupil.getByRole('button', { name: 'Account of Pia of Cedar' })).toBeVisible()
    await pupil.context().close()
    expect(server.output, 'the log has no secret').not.toContain(provider.clientSecret)
  } finally {
    await provider.stop()
    await page.context().close()
  }
})
