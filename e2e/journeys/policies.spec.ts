import type { Page } from '@playwright/test'
import { looked } from '../fixtures/accessibility.ts'
import { endLab, startLab } from '../fixtures/lab.ts'
import { expect, test } from '../fixtures/test.ts'

test("a learner is refused by an owner's policy, and reads its name", async ({ operatorPage: owner, learner }) => {
  await owner.goto('/organisation?tab=policies')
  await owner.getByRole('button', { name: /^Something else/ }).click()
  await owner.getByLabel('Name', { exact: true }).fill('Python comes later')
  await owner
    .getByLabel('Text', { exact: true })
    .fill('forbid (\n  principal in Role::"learner",\n  action == Action::"session.start",\n  resource is Lab\n)\nwhen { resource.slug == "python-http" };')
  await owner.getByRole('button', { name: 'Save' }).click()
  await expect(owner.getByRole('button', { name: 'Open Python comes later' })).toBeVisible()

  await learner.goto('/')
  await learner.getByRole('link', { name: 'Python HTTP service', exact: true }).click()
  await learner.getByRole('button', { name: 'Start lab' }).click()
  await expect(learner.getByText(/The policy “Python comes later” of your organisation does not allow this/).first()).toBeVisible()
  await startLab(learner, 'File permissions') // others are as before
  await endLab(learner)

  await owner.getByRole('button', { name: 'Open Python comes later' }).click()
  await owner.getByRole('button', { name: 'Delete' }).click()
  await owner.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await expect(owner.getByRole('heading', { name: 'Nothing is taken away yet' })).toBeVisible()
})

const nights = `@zone("Asia/Kolkata")
forbid (principal in Role::"learner", action == Action::"session.start", resource is Lab)
when { context.hour < 6 && context.client == "console" };`

const noGit = `forbid (principal in Role::"learner", action == Action::"session.start", resource is Lab)
when { resource.slug == "git-inside" };`

/** Chooses in a field that searches. */
async function choose(page: Page, label: string, typed: string, option: RegExp | string): Promise<void> {
  const field = page.getByRole('combobox', { name: label, exact: true })
  await field.click()
  if (typed) await field.fill(typed)
  await page.getByRole('option', { name: option }).first().click()
}

test('an owner writes a policy, tries it, sees its history, and takes it back', async ({ operatorPage: owner, operator, learner }) => {
  await expect(learner.getByRole('heading', { name: 'Catalogue' })).toBeVisible()
  await owner.goto('/organisation?tab=policies')
  await owner.getByRole('button', { name: /^Something else/ }).click()
  await owner.getByLabel('Name', { exact: true }).fill('Quiet nights')
  const text = owner.getByLabel('Text', { exact: true })
  await text.fill(nights.replace('session.start', 'session.strat'))
  await expect(owner.getByRole('button', { name: /^Go to line 2/ })).toBeVisible()
  await text.fill(nights)
  await expect(owner.getByRole('button', { name: /^Go to line/ })).toHaveCount(0)

  await choose(owner, 'Who', 'Lena', /Lena Learner/)
  await choose(owner, 'Which one', 'Git', /^Git/)
  await owner.getByLabel('When (now if empty)').fill('2026-01-05T03:00')
  await choose(owner, 'In the time zone', 'Kolkata', 'Asia/Kolkata')
  const ask = owner.getByRole('button', { name: 'Ask', exact: true })
  await ask.click()
  await expect(owner.getByText('The policy “Quiet nights” forbids it.')).toBeVisible()
  await looked(owner, 'policy-denied')
  await choose(owner, 'By what', '', 'An API key')
  await ask.click()
  await expect(owner.getByText('No policy forbids it.')).toBeVisible()
  await choose(owner, 'By what', '', 'The console')
  await choose(owner, 'In the time zone', 'UTC', 'UTC')
  await ask.click() // half past eight in India
  await expect(owner.getByText('No policy forbids it.')).toBeVisible()
  await owner.getByRole('button', { name: 'Save' }).click()

  await owner.getByRole('button', { name: 'Open Quiet nights' }).click()
  await text.fill(noGit)
  await owner.getByRole('button', { name: 'Save' }).click()
  const history = owner.getByRole('region', { name: 'History' })
  await expect(history.getByRole('button', { name: 'Restore version 1' })).toBeVisible()
  await learner.goto('/labs/git-inside')
  await learner.getByRole('button', { name: 'Start lab' }).click()
  await expect(learner.getByText(/The policy “Quiet nights” of your organisation does not allow this/).first()).toBeVisible()

  await expect(history).toContainText(operator.name)
  await history.getByRole('button', { name: 'Changes of version 2' }).click()
  await expect(history.getByLabel('What this version changed')).toContainText('- @zone("Asia/Kolkata")')
  await looked(owner, 'policy-history')
  await history.getByRole('button', { name: 'Restore version 1' }).click()
  await expect(history.getByRole('button', { name: 'Restore version 2' })).toBeVisible()
  await expect(text).toHaveValue(nights)

  await owner.getByRole('button', { name: 'Delete' }).click()
  const dialog = owner.getByRole('dialog', { name: 'Delete Quiet nights' })
  await expect(dialog).toContainText('What it forbids is allowed again within seconds.')
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await expect(owner.getByRole('heading', { name: 'Nothing is taken away yet' })).toBeVisible()
})

test('two people write the same policy, and neither loses a word', async ({ operatorPage: owner, server, operator }) => {
  const headers = { authorization: `Bearer ${await server.token(operator.email)}`, 'content-type': 'application/json' }
  const fields = { title: 'Written twice', text: noGit, enabled: false }
  const made = await fetch(`${server.url}/v1/policies`, { method: 'POST', headers, body: JSON.stringify(fields) })
  const { id } = (await made.json()) as { id: string }
  await owner.goto('/organisation?tab=policies')
  await owner.getByRole('button', { name: 'Open Written twice' }).click()
  const text = owner.getByLabel('Text', { exact: true })
  await text.fill(`// mine\n${noGit}`)
  const theirs = JSON.stringify({ ...fields, text: `// theirs\n${noGit}` })
  const put = await fetch(`${server.url}/v1/policies/${id}`, { method: 'PUT', headers: { ...headers, 'If-Match': made.headers.get('ETag') ?? '' }, body: theirs })
  expect(put.status).toBe(200)

  await owner.getByRole('button', { name: 'Save' }).click()
  const conflict = owner.getByRole('alert').filter({ hasText: 'Somebody else has changed this policy' })
  await expect(conflict.getByLabel('From what they saved to what you wrote')).toContainText('- // theirs')
  await expect(text).toHaveValue(`// mine\n${noGit}`)
  await looked(owner, 'policy-conflict')
  await conflict.getByRole('button', { name: 'Keep mine' }).click()
  await owner.getByRole('button', { name: 'Save' }).click()
  await expect(owner.getByRole('button', { name: 'Restore version 2' })).toBeVisible()
  await expect(text).toHaveValue(`// mine\n${noGit}`)
  await owner.getByRole('button', { name: 'Delete' }).click()
  await owner.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await expect(owner.getByRole('heading', { name: 'Nothing is taken away yet' })).toBeVisible()
})
