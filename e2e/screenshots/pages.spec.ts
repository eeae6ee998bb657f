import { join, resolve } from 'node:path'
import type { Page } from '@playwright/test'
import { answerQuiz, endLab, openStep, passed, startLab, Terminal } from '../fixtures/lab.ts'
import { newPerson, signUp } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'

const folder = resolve(import.meta.dirname, '../../docs/img')

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme })

    /** The light pictures have the plain names. */
    async function picture(page: Page, name: string): Promise<void> {
      const file = colorScheme === 'light' ? `${name}.png` : `${name}-dark.png`
      await page.screenshot({ path: join(folder, file), animations: 'disabled', caret: 'initial' })
    }

    test('pages of a learner', async ({ page }) => {
      test.setTimeout(180_000)
      await page.goto('/')
      await expect(page.getByRole('button', { name: 'Create account' }).first()).toBeVisible()
      await picture(page, 'front')
      await signUp(page, newPerson('Asha Rao'))
      await expect(page.getByRole('link', { name: 'File permissions' })).toBeVisible()
      await picture(page, 'catalogue')
      await page.getByRole('link', { name: 'Python HTTP service' }).click()
      await expect(page.getByRole('button', { name: 'Start lab' })).toBeVisible()
      await picture(page, 'lab-detail')

      await startLab(page, 'File permissions')
      const terminal = new Terminal(page)
      await terminal.prompt()
      await terminal.type('cd ~/bakery && ls -l')
      await terminal.type("printf '%s\\n' 'menu.txt 640' 'payroll.csv 666' 'bake.sh 644' > ~/answers/modes.txt")
      await passed(page, 0, 'modes-as-numbers')
      await answerQuiz(page, 0, 'You and the members of its group')
      await openStep(page, 'Keep a secret')
      await terminal.type('chmod 600 payroll.csv')
      await passed(page, 1, 'payroll-private')
      await terminal.type('stat -c "%a %A %n" payroll.csv keys/oven_key')
      await expect(terminal.rows).toContainText('keys/oven_key')
      await page.getByRole('region', { name: 'Checks' }).scrollIntoViewIfNeeded()
      await picture(page, 'lab')
      await page.goto('/sessions')
      await expect(page.getByRole('row', { name: /File permissions/ })).toBeVisible()
      await picture(page, 'sessions')
      await page.goBack()
      await endLab(page)
    })

    test('pages of an operator', async ({ operatorPage: page, learner }) => {
      await page.emulateMedia({ colorScheme })
      await startLab(learner, 'Pipes and text processing')
      await new Terminal(learner).prompt()
      await page.goto('/operator')
      await expect(page.getByRole('row').nth(1)).toBeVisible()
      await picture(page, 'operator')
      await endLab(learner)
    })
  })
}
