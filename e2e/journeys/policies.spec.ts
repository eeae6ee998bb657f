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
