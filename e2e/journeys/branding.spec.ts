import type { Page } from '@playwright/test'
import { accessible, looked } from '../fixtures/accessibility.ts'
import { register } from '../fixtures/organisation.ts'
import { expect, test } from '../fixtures/test.ts'

/** A picture as somebody would upload it: a dark word on a transparent ground. */
async function logo(page: Page, word: string, colour: string): Promise<Buffer> {
  const text = await page.evaluate(
    ([word, colour]) => {
      const canvas = document.createElement('canvas')
      canvas.width = 640
      canvas.height = 160
      const pen = canvas.getContext('2d')!
      pen.fillStyle = colour
      pen.beginPath()
      pen.arc(80, 80, 64, 0, 2 * Math.PI)
      pen.fill()
      pen.font = '700 92px sans-serif'
      pen.fillText(word, 170, 112)
      return canvas.toDataURL('image/png').split(',')[1]!
    },
    [word, colour] as const,
  )
  return Buffer.from(text, 'base64')
}

test('an owner gives the organisation a brand, and its people see it before they sign in', async ({ browser, server, operatorPage }) => {
  test.setTimeout(240_000)
  const { page } = await register(browser, server.url, operatorPage, 'Standard', { title: 'Cedar College', name: 'cedar-college' })
  await page.goto('/organisation?tab=branding')
  await expect(page.getByRole('heading', { name: 'Branding', level: 2 })).toBeVisible()
  await looked(page, 'branding-empty')

  const form = page.getByRole('form', { name: 'Branding' })
  await form.getByLabel('Primary colour', { exact: true }).fill('#ffe000')
  await expect(form.getByText(/On light pages, buttons are shown in #[0-9a-f]{6}: your colour has a contrast of 1\.\d/)).toBeVisible()
  await looked(page, 'branding-typing')
  await form.getByLabel('Primary colour', { exact: true }).fill('#0f766e')
  await form.getByLabel('Accent colour', { exact: true }).fill('#115e59')
  await form.getByLabel('Name', { exact: true }).fill('Labs of Cedar')
  await form.getByLabel('Support', { exact: true }).fill('http://cedar.example')
  await form.getByRole('button', { name: 'Save' }).click()
  await expect(form.getByText('Want an e-mail address, such as help@example.com')).toBeVisible()
  await form.getByLabel('Support', { exact: true }).fill('help@cedar.example')
  await form.getByLabel('Privacy notice').fill('https://cedar.example/privacy')
  await form.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText('The brand is saved')).toBeVisible()
  await expect(page.getByRole('link', { name: /Labs of Cedar/ })).toBeVisible()

  const file = page.locator('input[type=file]')
  await file.setInputFiles({ name: 'logo.png', mimeType: 'image/png', buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>') })
  await expect(form.getByText('SVG files can hold programs')).toBeVisible()
  await file.setInputFiles({ name: 'logo.png', mimeType: 'image/png', buffer: await logo(page, 'Cedar', '#0b3b36') })
  await expect(form.getByRole('img', { name: 'Your logo now' })).toBeVisible()
  await expect(page.getByRole('banner').getByRole('img', { name: 'Labs of Cedar' })).toBeVisible()
  await expect(page).toHaveTitle(/· Labs of Cedar$/)
  await looked(page, 'branding-full')

  await page.getByRole('button', { name: /^Account of/ }).click()
  await expect(page.getByRole('menuitem', { name: 'Get help' })).toHaveAttribute('href', 'mailto:help@cedar.example')
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await expect(page.getByRole('button', { name: 'Sign in' }).first()).toBeVisible()
  await page.goto('/?tenant=cedar-college')
  await expect(page.getByRole('img', { name: 'Labs of Cedar' })).toBeVisible()
  await looked(page, 'branding-landing')
  await page.getByRole('button', { name: 'Sign in' }).first().click()
  await expect(page.getByRole('img', { name: 'Labs of Cedar' })).toBeVisible()
  await expect(page.getByRole('link', { name: 'Support' })).toHaveAttribute('href', 'mailto:help@cedar.example')
  await expect(page.getByRole('button', { name: 'Sign in', exact: true })).toHaveCSS('background-color', 'rgb(15, 118, 110)')
  await looked(page, 'branding-sign-in')
  await page.context().close()
})

test('an organisation whose plan has no brand wears its provider’s, which an operator sets', async ({ browser, server, operatorPage }) => {
  test.setTimeout(180_000)
  const { page } = await register(browser, server.url, operatorPage, 'Basic', { title: 'Delta School', name: 'delta-school' })
  await page.goto('/organisation?tab=branding')
  await expect(page.getByText('Your plan has no brand of its own')).toBeVisible()
  await looked(page, 'branding-closed')

  await operatorPage.goto('/operator?tab=branding')
  const form = operatorPage.getByRole('form', { name: 'Branding' })
  await form.getByLabel('Name', { exact: true }).fill('Provider Labs')
  await form.getByLabel('Primary colour', { exact: true }).fill('#b91c1c')
  await form.getByRole('button', { name: 'Save' }).click()
  await expect(operatorPage.getByText('The brand is saved')).toBeVisible()
  await looked(operatorPage, 'branding-operator')

  const elsewhere = await browser.newContext({ baseURL: server.url })
  const stranger = await elsewhere.newPage()
  await stranger.goto('/?tenant=delta-school')
  await stranger.getByRole('button', { name: 'Sign in' }).first().click()
  await expect(stranger.getByRole('heading', { name: 'Sign in to Delta School' })).toBeVisible()
  await expect(stranger.getByRole('link', { name: 'Provider Labs' })).toBeVisible()
  await expect(stranger.getByRole('button', { name: 'Sign in', exact: true })).toHaveCSS('background-color', 'rgb(185, 28, 28)')
  await accessible(stranger)
  await expect(stranger.getByText('Cedar')).toHaveCount(0)
  await elsewhere.close()

  await form.getByLabel('Name', { exact: true }).fill('')
  await form.getByLabel('Primary colour', { exact: true }).fill('') // for the journeys after this one
  await form.getByRole('button', { name: 'Save' }).click()
  await expect(form.getByRole('button', { name: 'Save' })).toBeDisabled()
  await page.context().close()
})
