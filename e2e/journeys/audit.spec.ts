import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { looked } from '../fixtures/accessibility.ts'
import { expect, test } from '../fixtures/test.ts'
import type { Page } from '@playwright/test'

/** Saves the entries that are shown as JSON Lines, and returns where they are. */
async function exported(page: Page, to: string): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: /^Save these entries as JSON Lines/ }).click()])
  await download.saveAs(to)
  return to
}

test("an owner sees who changed a member's role and to what, exports the log, and proves it", async ({ operatorPage: owner, learner, server }, info) => {
  await expect(learner.getByRole('button', { name: /^Account of/ })).toBeVisible()
  await owner.goto('/organisation?tab=members')
  const role = owner.getByRole('combobox', { name: /^Role of Lena Learner/ }).first()
  await role.click()
  await expect(owner.getByRole('option', { name: 'Instructor' })).toBeVisible()
  const changed = owner.waitForResponse((answer) => answer.request().method() === 'PATCH' && answer.ok())
  await role.press('ArrowUp') // learners are last, and instructors before them
  await role.press('Enter')
  await changed
  await owner.goto('/organisation?tab=audit')
  const log = owner.getByRole('region', { name: 'Audit log' })
  const row = log.getByRole('row', { name: /member\.role_changed/ }).first()
  await expect(row).toContainText('Olga Operator')
  await expect(row.getByRole('deletion')).toHaveText('learner')
  await expect(row.getByRole('insertion')).toHaveText('instructor')

  await log.getByLabel('Action begins with').fill('member.role')
  await expect(owner).toHaveURL(/action=member\.role/)
  await expect(log.getByRole('row')).toHaveCount(2) // with the heading
  await looked(owner, 'audit')
  const excerpt = await exported(owner, info.outputPath('excerpt.jsonl'))
  expect(await server.command(['audit', 'verify', '--file', excerpt, '--partial'])).toContain('intact')

  await log.getByLabel('Action begins with').fill('')
  await expect(owner).not.toHaveURL(/action=/)
  const file = await exported(owner, info.outputPath('audit.jsonl'))
  expect(await server.command(['audit', 'verify', '--file', file])).toContain('intact')
  const forged = join(info.outputDir, 'forged.jsonl')
  await writeFile(forged, (await readFile(file, 'utf8')).replace('"after":{"role":"instructor"}', '"after":{"role":"admin"}'))
  await expect(server.command(['audit', 'verify', '--file', forged])).rejects.toThrow(/not as it was sealed/)

  await log.getByRole('button', { name: 'Check now' }).click()
  await expect(log.getByRole('status')).toContainText('unchanged up to seal')
})

test("an operator searches, exports and checks the operators' log", async ({ operatorPage: page, server }, info) => {
  await page.goto('/operator?tab=audit')
  const log = page.getByRole('region', { name: "Operators' log" })
  await log.getByRole('button', { name: 'Check now' }).click()
  await expect(log.getByRole('status')).toContainText(/unchanged up to seal/)
  await expect(log.getByRole('row', { name: /audit\.verified/ }).first()).toContainText('Olga Operator')
  await log.getByLabel('Search').fill('no such words')
  await expect(log.getByRole('heading', { name: 'Nothing found' })).toBeVisible()
  await looked(page, 'operators-log-none')
  await log.getByRole('button', { name: 'Clear filters' }).click()
  await expect(log.getByLabel('Search')).toHaveValue('')
  await expect(log.getByRole('row', { name: /audit\.verified/ }).first()).toBeVisible()
  await looked(page, 'operators-log')
  const file = await exported(page, info.outputPath('operators-log.jsonl'))
  expect(await server.command(['audit', 'verify', '--file', file])).toContain('intact')
  expect(await server.command(['audit', 'verify', '--operators'])).toContain("operators' log: intact")
})
