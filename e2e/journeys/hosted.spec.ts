import { accessible } from '../fixtures/accessibility.ts'
import { codeIn, linkIn, mailboxes, newPerson, signIn, signUp } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'

const console_ = (url: string) =>
  new URLSearchParams({
    client_id: 'console',
    redirect_uri: `${url}/auth/callback`,
    response_type: 'code',
    scope: 'openid',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  })

test('somebody forgets the password and chooses a new one by mail', async ({ page, server, browser }) => {
  const person = newPerson('Fay Forgetful')
  await signUp(page, person)
  const elsewhere = await browser.newContext({ baseURL: server.url })
  const other = await elsewhere.newPage()
  await other.goto('/')
  await other.getByRole('button', { name: 'Sign in' }).first().click()
  await other.getByRole('link', { name: 'Forgot your password?' }).click()
  await expect(other.getByRole('heading', { name: 'Forgot your password?' })).toBeVisible()
  await accessible(other)
  await other.getByLabel('E-mail address').fill(person.email)
  await other.getByRole('button', { name: 'Send the link' }).click()
  await expect(other.getByRole('status')).toContainText(person.email)
  await accessible(other)
  const mailbox = mailboxes.get(server.url)!
  await other.goto(linkIn(await mailbox.newest(person.email)))
  await accessible(other)
  await other.getByLabel('New password').fill(`${person.password} anew`)
  await other.getByRole('button', { name: 'Save the new password' }).click()
  await expect(other.getByRole('heading', { name: 'Your password is changed' })).toBeVisible()
  expect(await mailbox.newest(person.email)).toContain('The password of your account was changed')
  await signIn(other, { ...person, password: `${person.password} anew` })
  await elsewhere.close()
})

test('a taken address gets the same answer, and a mail that says so', async ({ page, server }) => {
  const person = newPerson('Tara Taken')
  await signUp(page, person)
  await page.context().clearCookies()
  await page.goto(`/pools/default/sign-up?${console_(server.url)}`)
  await page.getByLabel('Your name').fill('Somebody Else')
  await page.getByLabel('E-mail address').fill(person.email)
  await page.getByRole('button', { name: 'Create account' }).click()
  await expect(page.getByRole('heading', { name: 'Look into your mail' })).toBeVisible()
  expect(await mailboxes.get(server.url)!.newest(person.email)).toContain('You already have an account')
})

for (const colorScheme of ['light', 'dark'] as const) {
  test(`the pages of sign-up work without scripts, in Hindi, on a phone (${colorScheme})`, async ({ browser, server }) => {
    const context = await browser.newContext({
      baseURL: server.url,
      javaScriptEnabled: false,
      colorScheme,
      locale: 'hi-IN',
      viewport: { width: 360, height: 740 },
    })
    const page = await context.newPage()
    const narrow = async () => {
      const { scroll, width } = await page.locator('html').evaluate((html) => ({ scroll: html.scrollWidth, width: html.clientWidth }))
      expect(scroll, page.url()).toBeLessThanOrEqual(width)
    }
    const person = newPerson(`Asha ${colorScheme}`)
    await page.goto(`/pools/default/sign-up?${console_(server.url)}`)
    await expect(page.getByRole('heading', { name: 'अपना खाता बनाएँ' })).toBeVisible()
    await narrow()
    await page.getByLabel('आपका नाम').fill(person.name)
    await page.getByLabel('ई-मेल पता').fill(person.email)
    await page.getByRole('button', { name: 'खाता बनाएँ' }).click()
    await expect(page.getByRole('heading', { name: 'अपना ई-मेल देखें' })).toBeVisible()
    await narrow()
    await page.getByLabel('छह अंकों का कोड').fill(codeIn(await mailboxes.get(server.url)!.newest(person.email)))
    await page.getByRole('button', { name: 'आगे बढ़ें' }).click()
    await expect(page.getByRole('heading', { name: 'अपना पासवर्ड चुनें' })).toBeVisible()
    await narrow()
    await page.getByLabel('पासवर्ड').fill(person.password)
    await page.getByRole('button', { name: 'खाता बनाएँ' }).click()
    await page.waitForURL(/auth\/callback/)
    await page.goto('/pools/default/devices')
    await expect(page.getByText('यह डिवाइस')).toBeVisible()
    await narrow()
    await page.getByRole('link', { name: 'English' }).click()
    await expect(page.getByText('This device')).toBeVisible()
    await context.close()
  })
}
