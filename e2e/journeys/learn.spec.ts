import { accessible } from '../fixtures/accessibility.ts'
import { answerQuiz, endLab, openStep, passed, sessionOf, startLab, Terminal } from '../fixtures/lab.ts'
import { newPerson, signUp } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'

/** How each step of the lab "File permissions" is done, as somebody would type it, and the checks that then pass. */
const steps = [
  {
    title: 'Read the ten letters',
    commands: ["printf '%s\\n' 'menu.txt 640' 'payroll.csv 666' 'bake.sh 644' > ~/answers/modes.txt"],
    checks: ['modes-as-numbers'],
    answer: 'You and the members of its group',
  },
  {
    title: 'Keep a secret',
    commands: ['chmod 600 ~/bakery/payroll.csv ~/bakery/keys/oven_key'],
    checks: ['payroll-private', 'key-private'],
  },
  { title: 'Make a script run', commands: ['cd ~/bakery', 'chmod u+x bake.sh', './bake.sh'], checks: ['script-executable', 'bread-baked'] },
  {
    title: 'Doors and windows',
    commands: ['chmod 750 ~/bakery/recipes', 'chmod 711 ~/bakery/counter'],
    checks: ['recipes-open-again', 'counter-without-window'],
    answer: 'Yes, deleting changes the folder, not the file',
  },
  {
    title: 'Defaults for what comes next',
    commands: ["sed -i '2i umask 077' ~/bakery/new-order.sh", 'chmod 3770 ~/bakery/shared'],
    checks: ['orders-born-private', 'shared-folder'],
  },
  {
    title: 'The inspection',
    commands: ['find ~/bakery/archive -perm -002 -exec chmod o-w {} +', 'find ~/bakery/archive -perm /6000 -exec chmod u-s,g-s {} +'],
    checks: ['nothing-open', 'nothing-broken'],
  },
]

test('a newcomer signs up, works through a lab, reloads in the middle and finishes', async ({ page, server, operatorPage }) => {
  test.setTimeout(240_000)
  await signUp(page, newPerson('Nina Newcomer'))
  await startLab(page, 'File permissions')

  await test.step('reads while it starts, and is at a prompt', async () => {
    await expect(page.getByRole('heading', { name: 'Read the ten letters' })).toBeVisible()
    await new Terminal(page).prompt()
    await accessible(page)
  })

  await test.step('runs a block of the text by a click', async () => {
    await page.getByRole('button', { name: 'Run', exact: true }).first().click()
    await expect(new Terminal(page).rows).toContainText('payroll.csv')
  })

  for (const [index, step] of steps.entries()) {
    await test.step(`does "${step.title}"`, async () => {
      await openStep(page, step.title)
      const terminal = new Terminal(page)
      for (const command of step.commands) await terminal.type(command)
      for (const name of step.checks) await passed(page, index, name)
      if (step.answer) await answerQuiz(page, index, step.answer)
    })
    if (index === 2) await test.step('reloads, and finds everything as it was', () => reload(index))
  }

  async function reload(done: number): Promise<void> {
    const address = page.url()
    await new Terminal(page).type('echo still-$((40 + 2))-here')
    await expect(new Terminal(page).rows).toContainText('still-42-here')
    await page.reload()
    await expect(page).toHaveURL(address)
    await expect(new Terminal(page).rows).toContainText('still-42-here')
    for (const name of steps[done]?.checks ?? []) await passed(page, done, name)
  }

  await test.step('finishes, and nothing is left', async () => {
    const dialog = page.getByRole('dialog')
    await expect(dialog.getByRole('heading', { name: 'All done!' })).toBeVisible()
    await accessible(page)
    await dialog.getByRole('button', { name: 'Finish and end lab' }).click()
    await expect(page.getByRole('heading', { name: 'Lab completed' })).toBeVisible()
    await accessible(page)
    await expect.poll(() => server.sandboxProcesses(), { timeout: 20_000 }).toEqual([])
    await operatorPage.goto('/operator')
    await expect(operatorPage.getByRole('heading', { name: 'Nothing is running' })).toBeVisible()
  })

  await test.step('finds the result among the own sessions', async () => {
    await page.goto('/sessions')
    const row = page.getByRole('row', { name: /File permissions/ })
    await expect(row).toContainText('13 of 13 checks')
    await expect(row).toContainText('100/100')
  })
})

test('starting a lab that runs leads back into it, and starting over begins afresh', async ({ learner: page }) => {
  await startLab(page, 'File permissions')
  await new Terminal(page).prompt()
  const first = sessionOf(page)

  await page.goto('/')
  await page.getByRole('complementary', { name: 'Running lab' }).getByRole('link', { name: 'Resume' }).click()
  await expect(page).toHaveURL(new RegExp(first))

  await page.getByRole('button', { name: 'Lab menu' }).click()
  await page.getByRole('menuitem', { name: 'Start over' }).click()
  await page.getByRole('dialog', { name: 'Start over?' }).getByRole('button', { name: 'Start over' }).click()
  await expect(page).not.toHaveURL(new RegExp(first))
  await new Terminal(page).prompt()
  await endLab(page)
})

test('a second terminal is a shell of its own, and both survive a restart of the server', async ({ learner: page, server }) => {
  await startLab(page, 'File permissions')
  const first = new Terminal(page, '1')
  await first.prompt()
  await first.type('MARK=first')
  await page.getByRole('button', { name: 'Another terminal' }).click()
  const second = new Terminal(page, '2')
  await second.prompt()
  await second.type('echo "mark=$MARK."')
  await expect(second.rows).toContainText('mark=.')

  await server.stop()
  await server.run()

  await page.getByRole('tab', { name: 'Terminal 1' }).click()
  await expect(first.screen.locator('..').getByRole('status')).toHaveText('Connected', { timeout: 30_000 })
  await first.type('echo "mark=$MARK."')
  await expect(first.rows).toContainText('mark=first.')
  await endLab(page)
})
