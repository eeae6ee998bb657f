import type { Page } from '@playwright/test'
import { endLab, sessionOf, startLab, Terminal } from '../fixtures/lab.ts'
import { newPerson, signUp } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'

test('a second learner sees nothing of the first', async ({ learner: first, browser, server }) => {
  await startLab(first, 'File permissions')
  await new Terminal(first).prompt()
  const id = sessionOf(first)

  const context = await browser.newContext({ baseURL: server.url })
  const second = await context.newPage()
  const token = tokenOf(second)
  await signUp(second, newPerson('Sam Second'))

  await second.goto(`/sessions/${id}`)
  await expect(second.getByRole('heading', { name: 'There is nothing here' })).toBeVisible()
  await second.goto('/sessions')
  await expect(second.getByRole('heading', { name: 'No sessions yet' })).toBeVisible()
  await expect(second.getByRole('complementary', { name: 'Running lab' })).toBeHidden()
  await second.goto('/operator')
  await expect(second.getByRole('heading', { name: 'You may not see this' })).toBeVisible()
  await expect(second.getByRole('heading', { name: 'Running labs' })).toBeHidden()

  const authorization = { Authorization: `Bearer ${await token}` }
  for (const path of ['', '/guide', '/env', '/events']) {
    const answer = await second.request.get(`/v1/sessions/${id}${path}`, { headers: authorization })
    expect(answer.status(), `GET ${path}`).toBe(404)
  }
  for (const [path, data] of [
    ['/end', {}],
    ['/extend', {}],
    ['/restart', {}],
    ['/tickets', { kind: 'terminal' }],
    ['/files', { path: 'note', content: 'x' }],
    ['/checks/0/modes-as-numbers/run', {}],
  ] as const) {
    const answer = await second.request.post(`/v1/sessions/${id}${path}`, { headers: authorization, data })
    expect(answer.status(), `POST ${path}`).toBe(404)
  }
  const everybody = await second.request.get('/v1/sessions?scope=all', { headers: authorization })
  expect(everybody.status()).toBe(403)
  expect((await second.request.get('/v1/operator/environments', { headers: authorization })).status()).toBe(403)
  expect((await second.request.get('/v1/sessions')).status()).toBe(401)
  await context.close()

  await new Terminal(first).type('echo still-$((6 * 7))')
  await expect(new Terminal(first).rows).toContainText('still-42')
  await endLab(first)
})

/** The access token that the page's own requests carry. */
async function tokenOf(page: Page): Promise<string> {
  const request = await page.waitForRequest((r) => r.url().includes('/v1/me') && r.headers().authorization !== undefined)
  return (request.headers().authorization ?? '').replace(/^Bearer /, '')
}
