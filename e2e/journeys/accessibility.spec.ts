import { accessible } from '../fixtures/accessibility.ts'
import { endLab, startLab, Terminal } from '../fixtures/lab.ts'
import { expect, test } from '../fixtures/test.ts'

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`axe finds nothing (${colorScheme})`, () => {
    test.use({ colorScheme })

    test('before signing in', async ({ page }) => {
      await page.goto('/')
      await expect(page.getByRole('button', { name: 'Create account' }).first()).toBeVisible()
      await accessible(page)
      await page.getByRole('button', { name: 'Create account' }).first().click()
      await expect(page.getByRole('heading', { name: 'Create your account' })).toBeVisible()
      await accessible(page)
      await page.getByRole('link', { name: 'Sign in' }).click()
      await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
      await accessible(page)
    })

    test('on the pages of a learner', async ({ learner: page }) => {
      await expect(page.getByRole('link', { name: 'File permissions' })).toBeVisible()
      await accessible(page)
      await page.getByRole('link', { name: 'File permissions' }).click()
      await expect(page.getByRole('button', { name: 'Start lab' })).toBeVisible()
      await accessible(page)
      await page.goto('/sessions')
      await expect(page.getByRole('heading', { name: 'No sessions yet' })).toBeVisible()
      await accessible(page)
      await page.goto('/profile')
      await expect(page.getByRole('heading', { name: 'Profile', level: 1 })).toBeVisible()
      await accessible(page)
      await page.goto('/no/such/page')
      await expect(page.getByRole('heading', { name: 'There is nothing here' })).toBeVisible()
      await accessible(page)
    })

    test('on the lab page, wide and narrow', async ({ learner: page }) => {
      await startLab(page, 'File permissions')
      await new Terminal(page).prompt()
      await accessible(page)
      await page.setViewportSize({ width: 360, height: 740 })
      await expect(page.getByRole('radio', { name: 'Instructions' })).toBeChecked()
      await accessible(page)
      await page.setViewportSize({ width: 1280, height: 800 })
      await page.goto('/sessions')
      await expect(page.getByRole('row', { name: /File permissions/ })).toBeVisible()
      await accessible(page)
      await page.goBack()
      await endLab(page)
      await accessible(page)
    })

    test('on the pages of an operator', async ({ operatorPage: page }) => {
      await page.emulateMedia({ colorScheme })
      await page.goto('/operator')
      await expect(page.getByRole('heading', { name: 'Operator', level: 1 })).toBeVisible()
      await accessible(page)
      await page.goto('/operator?tab=users')
      await expect(page.getByRole('row').nth(1)).toBeVisible()
      await accessible(page)
    })

    for (const [path, name] of [
      ['/operator', 'Sections for operators'],
      ['/organisation', 'Sections of your organisation'],
    ] as const) {
      test(`on every section of ${path}`, async ({ operatorPage: page }) => {
        test.setTimeout(180_000)
        await page.emulateMedia({ colorScheme })
        await page.goto(path)
        const links = page.getByRole('navigation', { name }).getByRole('link')
        await expect(links.first()).toBeVisible()
        const addresses = await links.evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).href))
        expect(addresses.length).toBeGreaterThan(5)
        for (const address of addresses) {
          await page.goto(address)
          await expect(links.first()).toBeVisible()
          await expect(page.getByRole('status', { name: 'Loading' })).toHaveCount(0)
          await accessible(page)
        }
      })
    }
  })
}
