import { looked } from '../fixtures/accessibility.ts'
import { endLab, startLab } from '../fixtures/lab.ts'
import { register } from '../fixtures/organisation.ts'
import { expect, test } from '../fixtures/test.ts'

test('an owner writes a policy, tries it, and takes it back', async ({ browser, server, operatorPage }) => {
  test.setTimeout(300_000)
  const { page, person } = await register(browser, server.url, operatorPage, 'Basic', { title: 'Fir Academy', name: 'fir-academy' })
  await page.goto('/organisation?tab=policies')
  await expect(page.getByRole('heading', { name: 'Nothing is taken away yet' })).toBeVisible()
  await looked(page, 'policies-empty')

  // A common case, with a mistake: it is named at its line before anything is saved.
  await page.getByRole('button', { name: /^Something else/ }).click()
  await page.getByLabel('Name', { exact: true }).fill('Nothing is closed')
  const text = page.getByLabel('Text', { exact: true })
  await text.fill('forbid (\n  principal,\n  action == Action::"tenant.rite",\n  resource\n);')
  await page.getByRole('button', { name: /^Go to line 3/ }).press('Enter')
  await expect(text).toBeFocused()
  await looked(page, 'policy-mistake')
  await text.fill('forbid (\n  principal,\n  action == Action::"tenant.read",\n  resource\n);')
  await expect(page.getByRole('button', { name: /^Go to line/ })).toHaveCount(0)

  // What it would do, before it holds.
  const simulator = page.getByRole('region', { name: 'Try it' })
  const ask = async () => {
    await simulator.getByRole('combobox', { name: 'Who' }).click()
    await page.getByRole('option', { name: new RegExp(person.email) }).click()
    await simulator.getByRole('combobox', { name: 'What', exact: true }).fill('tenant.read')
    await page.getByRole('option', { name: 'tenant.read' }).click()
    await simulator.getByRole('button', { name: 'Ask' }).click()
  }
  await ask()
  await expect(simulator.getByText('The policy “Nothing is closed” forbids it.')).toBeVisible()
  await looked(page, 'policy-answer')
  await page.getByRole('button', { name: 'Save' }).click()

  // It holds: the plan is not to be seen. Policies are.
  await expect(page.getByRole('button', { name: 'Open Nothing is closed' })).toBeVisible()
  await looked(page, 'policies')
  await page.goto('/organisation?tab=plan')
  await expect(page.getByText('The policy “Nothing is closed” of your organisation does not allow this.').first()).toBeVisible()
  await page.goto('/organisation?tab=policies')
  await page.getByRole('button', { name: 'Open Nothing is closed' }).click()
  await page.getByText('This policy holds').click()
  await page.getByRole('button', { name: 'Save' }).click()
  const history = page.getByRole('region', { name: 'History' })
  await expect(history.getByText(/^2: /)).toBeVisible()
  await history.getByRole('button', { name: 'Changes of version 1' }).click()
  await looked(page, 'policy-history')
  await history.getByRole('button', { name: 'Restore version 1' }).click()
  await expect(history.getByText(/^3: /)).toBeVisible()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await expect(page.getByRole('heading', { name: 'Nothing is taken away yet' })).toBeVisible()
})

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
