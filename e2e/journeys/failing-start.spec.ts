import { accessible } from '../fixtures/accessibility.ts'
import { startLab } from '../fixtures/lab.ts'
import { expect, test } from '../fixtures/test.ts'

test('a start that fails says what failed and what helps, and offers to try again', async ({ learner: page, server, operator }) => {
  await server.push('needs-missing', operator.email)
  await startLab(page, 'Needs what nobody has')

  await expect(page.getByRole('heading', { name: 'The lab did not start' })).toBeVisible()
  await expect(page.getByRole('alert')).toContainText('no-such-command')
  const steps = page.getByRole('list', { name: 'Steps of the start' }).getByRole('listitem')
  await expect(steps.filter({ hasText: 'failed' })).toHaveCount(1)
  await accessible(page)

  const failed = page.url()
  await page.getByRole('button', { name: 'Try again' }).click()
  await expect(page).not.toHaveURL(failed)
  await expect(page.getByRole('heading', { name: 'The lab did not start' })).toBeVisible()
  await expect.poll(() => server.sandboxProcesses()).toEqual([])
})
