import { passed, Terminal } from '../fixtures/lab.ts'
import { expect, test } from '../fixtures/test.ts'
import type { Locator, Page } from '@playwright/test'

/** More stops than any page has between two things that belong to one task. */
const stops = 90

/** Goes on by a key until something has the focus, and shows that it has. */
async function reach(page: Page, target: Locator, key: 'Tab' | 'Shift+Tab' | 'ArrowDown' = 'Tab'): Promise<void> {
  await expect(target).toBeVisible()
  for (let n = 0; n < stops; n++) {
    if (await target.evaluate((element) => element === document.activeElement)) return
    await page.keyboard.press(key)
  }
  throw new Error(`${stops} times ${key} did not lead to ${target.toString()}`)
}

async function press(page: Page, target: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  await reach(page, target, key)
  await page.keyboard.press('Enter')
}

test('a lab is found, started, worked in and ended by the keyboard alone', async ({ learner: page }) => {
  test.setTimeout(120_000)
  await page.goto('/')
  await press(page, page.getByRole('link', { name: 'Skip to the content' }))
  await press(page, page.getByRole('link', { name: 'File permissions', exact: true }))
  await press(page, page.getByRole('button', { name: 'Start lab' }))
  await page.waitForURL(/\/sessions\/[0-9a-f-]+/)

  const terminal = new Terminal(page)
  await terminal.prompt()
  await reach(page, terminal.screen.getByRole('textbox'))
  await page.keyboard.type("printf '%s\\n' 'menu.txt 640' 'payroll.csv 666' 'bake.sh 644' > ~/answers/modes.txt\n")
  await page.keyboard.press('F6') // Tab is the shell's
  await passed(page, 0, 'modes-as-numbers')

  await press(page, page.getByRole('button', { name: 'Next', exact: true }))
  await expect(page.getByRole('heading', { name: 'Keep a secret', level: 1 })).toBeVisible()
  await press(page, page.getByRole('navigation', { name: 'Steps' }).getByRole('button', { name: 'Read the ten letters' }), 'Shift+Tab')
  await expect(page.getByRole('heading', { name: 'Read the ten letters', level: 1 })).toBeVisible()

  await press(page, page.getByRole('button', { name: 'Lab menu' }), 'Shift+Tab')
  await reach(page, page.getByRole('menuitem', { name: 'End lab' }), 'ArrowDown')
  await page.keyboard.press('Enter')
  await press(page, page.getByRole('dialog', { name: 'End this lab?' }).getByRole('button', { name: 'End lab' }))
  await expect(page.getByRole('heading', { name: 'This lab has ended' })).toBeVisible()
})

test('somebody is invited by the keyboard alone', async ({ operatorPage: page }) => {
  await page.goto('/organisation')
  const sections = page.getByRole('navigation', { name: 'Sections of your organisation' })
  await press(page, sections.getByRole('link', { name: 'Members' }))
  await press(page, page.getByRole('button', { name: 'Invite' }))
  const dialog = page.getByRole('dialog')
  await reach(page, dialog.getByLabel('E-mail'))
  await page.keyboard.type('katie.keys@example.org')
  await page.keyboard.press('Enter')
  await expect(page.getByText('katie.keys@example.org').first()).toBeVisible()
})
