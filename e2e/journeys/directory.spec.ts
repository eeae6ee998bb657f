import { accessible } from '../fixtures/accessibility.ts'
import { register } from '../fixtures/organisation.ts'
import { newPerson } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'

test('an organisation proves its domain, and its people find it by name, e-mail address and subdomain', async ({ browser, server, operatorPage }) => {
  test.setTimeout(180_000) // four browsers, one after the other
  const owner = newPerson('Quinn Owner')
  const organisation = { title: 'Quarry Institute', name: 'quarry-institute' }
  const page = await register(browser, server.url, operatorPage, 'Platinum', organisation, owner)
  await page.goto('/organisation?tab=domains')
  await expect(page.getByRole('heading', { name: 'Your domain leads people here' })).toBeVisible()
  await accessible(page)

  await page.getByRole('button', { name: 'Add a domain' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Domain').fill('gmail.com')
  await dialog.getByRole('button', { name: 'Add a domain' }).click()
  await expect(dialog.getByText('Everybody can get an address there')).toBeVisible()
  await accessible(page)
  await dialog.getByLabel('Domain').fill('quarry.example')
  await dialog.getByRole('button', { name: 'Add a domain' }).click()
  await expect(dialog).toBeHidden()
  const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'quarry.example' }) })
  await expect(card).toContainText('Pending')
  await card.getByRole('button', { name: 'Check quarry.example now' }).click()
  await expect(card).toContainText('There is no TXT record at _cloudkida-challenge.quarry.example yet.')
  await accessible(page)
  server.dns.texts.set('_cloudkida-challenge.quarry.example', await card.getByText(/^cloudkida-verification=/).innerText())
  await card.getByRole('button', { name: 'Check quarry.example now' }).click()
  await expect(card.getByText('Proved', { exact: true })).toBeVisible()
  await accessible(page)
  await page.getByRole('tab', { name: 'Audit log' }).click()
  await expect(page.getByRole('cell', { name: 'domain.proved' })).toBeVisible()

  // somebody else's browser, which knows nothing yet
  const stranger = await (await browser.newContext({ baseURL: server.url })).newPage() // axe wants a context of the page's own
  await stranger.goto('/')
  const entry = stranger.getByLabel('Your organisation')
  await entry.fill('no-such-school')
  await stranger.getByRole('button', { name: 'Continue' }).click()
  await expect(stranger.getByText('There is no organisation of this name here.')).toBeVisible()
  await accessible(stranger)
  await entry.fill('lena@quarry.example')
  await stranger.getByRole('button', { name: 'Continue' }).click()
  await stranger.waitForURL(/\/pools\/quarry-institute\/sign-in/)
  await expect(stranger.getByLabel('E-mail address')).toHaveValue('lena@quarry.example')
  await stranger.getByLabel('E-mail address').fill(owner.email)
  await stranger.getByLabel('Password', { exact: true }).fill(owner.password)
  await stranger.getByRole('button', { name: 'Sign in' }).click()
  await expect(stranger.getByRole('button', { name: `Account of ${owner.name}` })).toBeVisible()
  await stranger.context().close()

  const other = await (await browser.newContext({ baseURL: server.url })).newPage()
  await other.goto(server.url.replace('://localhost', `://${organisation.name}.localhost`))
  await other.waitForURL(`${server.url}/?tenant=${organisation.name}`)
  await expect(other.getByRole('banner').getByText(organisation.title)).toBeVisible()
  await accessible(other)
  await other.getByRole('link', { name: 'Choose another organisation' }).click()
  await other.getByLabel('Your organisation').fill(organisation.name)
  await other.getByRole('button', { name: 'Continue' }).click()
  await other.waitForURL(/\/pools\/quarry-institute\/sign-in/)
  await other.context().close()

  await page.getByRole('tab', { name: 'Domains' }).click()
  await page.getByRole('button', { name: 'Remove quarry.example' }).click()
  await accessible(page)
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await expect(page.getByRole('heading', { name: 'Your domain leads people here' })).toBeVisible()
  await page.context().close()
})
