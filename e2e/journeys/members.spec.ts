import { looked } from '../fixtures/accessibility.ts'
import { newPerson, type Person } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'
import type { Browser, Page } from '@playwright/test'

/** The link in the newest mail to an address, as the operator hands it over. */
async function mailedLink(operatorPage: Page, email: string, path: string): Promise<string> {
  await operatorPage.goto('/operator?tab=mail')
  const row = operatorPage.getByRole('row', { name: new RegExp(email) }).first()
  await row.getByRole('button').click()
  const link = new RegExp(`https?://\\S+${path}#token=\\S+`)
  const text = await operatorPage.getByRole('dialog').getByText(link).innerText()
  await operatorPage.keyboard.press('Escape')
  const found = link.exec(text)?.[0]
  if (!found) throw new Error(`no link in: ${text}`)
  return found
}

async function choosePassword(page: Page, person: Person): Promise<void> {
  await page.getByRole('button', { name: 'Choose your password' }).click()
  await page.getByLabel(/password/i).first().fill(person.password)
  await page.getByRole('button', { name: 'Save and enter' }).click()
  await expect(page.getByRole('button', { name: `Account of ${person.name}` })).toBeVisible()
}

/** Into an organisation, with or without a session of the browser. */
async function enter(page: Page, tenant: string, person: Person): Promise<void> {
  await page.goto(`/?tenant=${tenant}`)
  const account = page.getByRole('button', { name: `Account of ${person.name}` })
  const signIn = page.getByRole('button', { name: 'Sign in' }).first()
  await expect(account.or(signIn)).toBeVisible()
  if (await signIn.isVisible()) await signIn.click()
  const email = page.getByLabel('E-mail address')
  await expect(account.or(email)).toBeVisible()
  if (await email.isVisible()) {
    await email.fill(person.email)
    await page.getByLabel('Password', { exact: true }).fill(person.password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  }
  await expect(account).toBeVisible()
}

async function owner(browser: Browser, url: string, operatorPage: Page, title: string, tenant: string): Promise<Page> {
  const person = newPerson('Oona Owner')
  const page = await (await browser.newContext({ baseURL: url })).newPage()
  await page.goto('/register')
  await page.getByRole('radio', { name: /^Basic/ }).click()
  await page.getByLabel('Organisation', { exact: false }).first().fill(title)
  await expect(page.getByLabel('Name in addresses')).toHaveValue(tenant)
  await page.getByLabel('Your name').fill(person.name)
  await page.getByLabel('Your e-mail address').fill(person.email)
  await page.getByRole('button', { name: 'Send the link' }).click()
  await expect(page.getByRole('heading', { name: 'Look into your mail' })).toBeVisible()
  await page.goto(await mailedLink(operatorPage, person.email, '/register/confirm'))
  await expect(page.getByRole('heading', { name: `The portal of ${title} is ready` })).toBeVisible({ timeout: 30_000 })
  await choosePassword(page, person)
  await enter(page, tenant, person)
  return page
}

test('somebody is invited, enters by the mail, and sees the labs of their group alone', async ({ browser, server, operatorPage }) => {
  test.setTimeout(420_000)
  const page = await owner(browser, server.url, operatorPage, 'Linden School', 'linden-school')

  await page.goto('/organisation?tab=groups')
  await expect(page.getByRole('heading', { name: 'No groups' })).toBeVisible()
  for (const [name, lab] of [
    ['Spring course', 'Pipes and text processing'],
    ['Autumn course', 'Python HTTP service'],
  ] as const) {
    await page.getByRole('button', { name: 'Add a group' }).click()
    await page.getByRole('dialog').getByLabel('Name').fill(name)
    if (name === 'Autumn course') await looked(page, 'group-form')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('button', { name: `Open ${name}` }).click()
    const labs = page.getByRole('dialog', { name }).getByRole('region', { name: 'Labs' })
    await labs.getByRole('combobox', { name: 'Add a lab' }).click()
    await page.getByRole('option', { name: lab }).click()
    await expect(labs.getByRole('listitem')).toHaveText([lab])
    if (name === 'Autumn course') await looked(page, 'group')
    await page.keyboard.press('Escape')
    await expect(page.getByRole('dialog')).toBeHidden()
  }
  await looked(page, 'groups')

  const nora = newPerson('Nora New')
  await page.getByRole('link', { name: 'Members', exact: true }).click()
  await page.getByRole('button', { name: 'Invite', exact: true }).click()
  await page.getByLabel('E-mail', { exact: false }).last().fill(nora.email)
  await page.getByRole('combobox', { name: 'Groups' }).click()
  await page.getByRole('option', { name: 'Spring course' }).click()
  await page.keyboard.press('Escape')
  await looked(page, 'invite')
  await page.getByRole('button', { name: 'Send the invitation' }).click()
  await expect(page.getByRole('row', { name: new RegExp(nora.email) })).toContainText('Open')

  await page.getByRole('button', { name: 'Invite', exact: true }).click()
  await page.getByText('A list').click()
  await page.getByLabel('People, one a line').fill(`email,role,groups\nleo@else.example,learner,Autumn course\n${nora.email}\nnonsense\nleo@else.example,learner`)
  await page.getByRole('button', { name: 'Send the invitations' }).click()
  await expect(page.getByRole('status')).toHaveText('2 of 4 lines were sent an invitation.')
  await expect(page.getByRole('row', { name: /nonsense/ })).toContainText('Refused')
  await expect(page.getByRole('row', { name: /^5 / })).toContainText('Twice in the list')
  await looked(page, 'report')
  await page.getByRole('button', { name: 'Done' }).click()
  await looked(page, 'members')

  const noras = await (await browser.newContext({ baseURL: server.url })).newPage()
  await noras.goto(await mailedLink(operatorPage, nora.email, '/invitation'))
  await expect(noras.getByRole('heading', { name: 'Linden School invites you' })).toBeVisible()
  expect(noras.url(), 'the token is not in the address any more').not.toContain('token')
  await noras.getByLabel('Your name').fill(nora.name)
  await looked(noras, 'invitation')
  await choosePassword(noras, nora)
  await enter(noras, 'linden-school', nora)
  await expect(noras.getByRole('link', { name: 'File permissions' })).toBeVisible()
  await expect(noras.getByRole('link', { name: 'Pipes and text processing' })).toBeVisible()
  await expect(noras.getByRole('link', { name: 'Python HTTP service' })).toBeHidden()
  await noras.goto('/labs/python-http-service')
  await expect(noras.getByText('There is no such lab in the catalogue.')).toBeVisible()

  await page.getByRole('link', { name: 'Groups', exact: true }).click()
  await page.getByRole('button', { name: 'Open Spring course' }).click()
  const people = page.getByRole('region', { name: 'Members' })
  await expect(people.getByRole('listitem')).toContainText(nora.name)
  await people.getByRole('combobox', { name: 'Add a member' }).click()
  await page.getByRole('option', { name: /Oona Owner/ }).click()
  await expect(people.getByRole('listitem')).toHaveCount(2)
  await people.getByRole('button', { name: 'Take Oona Owner out of the group' }).click()
  await expect(people.getByRole('listitem')).toHaveCount(1)
  await page.keyboard.press('Escape')
  await page.getByRole('link', { name: 'Members', exact: true }).click()
  await page.getByRole('button', { name: `Change ${nora.name}` }).click()
  await page.getByRole('menuitem', { name: 'Disable' }).click()
  await expect(page.getByRole('dialog')).toContainText('They stay in these groups: Spring course.')
  await looked(page, 'disable')
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click()
  await expect(page.getByRole('row', { name: new RegExp(nora.name) })).toContainText('Disabled')
  await expect(async () => {
    await noras.goto('/')
    await expect(noras.getByRole('link', { name: 'File permissions' })).toBeHidden({ timeout: 2000 })
    await expect(noras.getByRole('button', { name: `Account of ${nora.name}` })).toBeHidden({ timeout: 2000 })
  }).toPass({ timeout: 20_000 })

  await page.getByRole('button', { name: 'Change Oona Owner' }).click()
  await page.getByRole('menuitem', { name: 'Remove' }).click()
  await expect(page.getByRole('dialog')).toContainText('This is the last owner who can sign in.')
  await expect(page.getByRole('dialog').getByRole('button', { name: 'Remove' })).toBeDisabled()
  await page.keyboard.press('Escape')
  await page.getByRole('link', { name: 'Groups', exact: true }).click()
  await page.getByRole('button', { name: 'Open Spring course' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await expect(page.getByRole('dialog')).toContainText('This lab is for everybody then:')
  await looked(page, 'group-delete')
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await expect(page.getByRole('button', { name: 'Open Spring course' })).toBeHidden()
  await noras.context().close()
  await page.context().close()
})
