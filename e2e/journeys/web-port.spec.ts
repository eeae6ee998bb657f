import { endLab, sessionOf, startLab, Terminal } from '../fixtures/lab.ts'
import { expect, test } from '../fixtures/test.ts'

/** Answers with the headers of the request, so that the journey sees what reaches a lab. */
const mirror = [
  `cat > /tmp/mirror.py <<'END'`,
  'from http.server import BaseHTTPRequestHandler, HTTPServer',
  'class Mirror(BaseHTTPRequestHandler):',
  '  def do_GET(self):',
  '    self.send_response(200)',
  '    self.send_header("Content-Type", "text/html")',
  '    self.end_headers()',
  '    self.wfile.write(("<h1>The mirror</h1><pre>" + str(self.headers) + "</pre>").encode())',
  'HTTPServer(("127.0.0.1", 8080), Mirror).serve_forever()',
  'END',
]

test("a lab's web port opens on an origin of its own, without anything of the console", async ({ learner: page, context, server }) => {
  await startLab(page, 'Python HTTP service')
  const terminal = new Terminal(page)
  await terminal.prompt()

  await page.getByRole('tab', { name: 'web' }).click()
  await expect(page.getByRole('heading', { name: 'Nothing listens on port 8080 yet' })).toBeVisible()
  await page.getByRole('tab', { name: 'Terminal 1' }).click()
  for (const line of mirror) await terminal.type(line)
  await terminal.type('python3 /tmp/mirror.py')
  await page.getByRole('tab', { name: 'web' }).click()

  const shown = page.frameLocator('iframe[title="web in the lab"]')
  await expect(shown.getByRole('heading', { name: 'The mirror' })).toBeVisible({ timeout: 30_000 })
  const headers = (await shown.locator('pre').innerText()).toLowerCase()
  expect(headers).not.toContain('authorization')
  expect(headers).not.toContain('cookie')

  const frame = page.frames().find((f) => f !== page.mainFrame() && f.url().includes('//web--'))
  const origin = new URL(frame?.url() ?? 'about:blank')
  expect(origin.hostname).toBe(`web--${sessionOf(page)}.labs.localhost`)
  expect(origin.search, 'the ticket is gone from the address').toBe('')
  expect(await frame?.evaluate(() => document.cookie)).toBe('')
  const here = await context.cookies(origin.origin)
  const ours = await context.cookies(server.url)
  expect(here.filter((cookie) => ours.some((own) => own.name === cookie.name && own.domain === cookie.domain))).toEqual([])

  const [tab] = await Promise.all([context.waitForEvent('page'), page.getByRole('button', { name: 'Open in a tab' }).click()])
  await expect(tab.getByRole('heading', { name: 'The mirror' })).toBeVisible()
  expect(await tab.evaluate(() => window.opener === null)).toBe(true)

  const stranger = await (await tab.context().browser()?.newContext())?.newPage()
  const answer = await stranger?.goto(origin.origin)
  expect(answer?.status(), 'without a ticket nobody gets in').toBeGreaterThanOrEqual(400)
  await expect(stranger!.getByRole('heading', { name: 'The mirror' })).toBeHidden()
  await stranger?.context().close()
  await endLab(page)
})
