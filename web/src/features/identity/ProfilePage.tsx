import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Table.layer.css'
import '@mantine/core/styles/FloatingIndicator.layer.css'
import '@mantine/core/styles/SegmentedControl.layer.css'
import '@mantine/core/styles/PasswordInput.layer.css'
import { Alert, Button, Group, PasswordInput, SegmentedControl, Stack, TextInput, useMantineColorScheme } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useSuspenseQuery } from '@tanstack/react-query'
import { useState, type SyntheticEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { PageHeader } from '@/components/PageHeader'
import { messageOf } from '@/lib/api/problem'
import { meQuery, useChangePassword, useRename } from './api'
import { Erase } from './Erase'
import { Consents, MyData } from './MyData'
import { DevicesSection } from './DevicesSection'
import { FactorsSection } from './FactorsSection'
import classes from './ProfilePage.module.css'
import { Section } from './Section'

/** A person's own settings. */
export function ProfilePage() {
  const { t } = useTranslation()
  return (
    <>
      <PageHeader title={t('profile.title')} />
      <div className={classes.sections}>
        <NameSection />
        <PasswordSection />
        <FactorsSection />
        <DevicesSection />
        <AppearanceSection />
        <Section title={t('profile.data')} text={t('profile.dataText')}>
          <MyData />
        </Section>
        <Section title={t('profile.consents')} text={t('profile.consentsText')}>
          <Consents />
        </Section>
        <Section title={t('erase.heading')} text={t('erase.headingText')}>
          <Erase />
        </Section>
      </div>
    </>
  )
}

function NameSection() {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery())
  const [name, setName] = useState(me.name)
  const rename = useRename()
  const submit = (event: SyntheticEvent) => {
    event.preventDefault()
    rename.mutate(name.trim(), { onSuccess: () => notifications.show({ color: 'green', message: t('profile.saved') }) })
  }
  return (
    <Section title={t('profile.you')} text={t('profile.youText')}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label={t('profile.name')}
            autoComplete="name"
            required
            withAsterisk={false}
            maxLength={100}
            value={name}
            error={rename.error && messageOf(rename.error)}
            onChange={({ currentTarget }) => setName(currentTarget.value)}
          />
          <TextInput
            label={t('profile.email')}
            value={me.email}
            readOnly
            variant="filled"
            rightSectionWidth="auto"
            rightSection={
              <Button component="a" href={me.addressPage} variant="subtle" size="compact-sm" mr={6} aria-label={t('profile.changeEmail')}>
                {t('profile.change')}
              </Button>
            }
          />
          <Group>
            <Button type="submit" loading={rename.isPending} disabled={!name.trim() || name.trim() === me.name}>
              {t('profile.save')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  )
}

const nothing = { current: '', new: '', again: '' }

function PasswordSection() {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery())
  const change = useChangePassword()
  const [values, setValues] = useState(nothing)
  const differs = values.again !== '' && values.again !== values.new
  const field = (name: keyof typeof nothing) => ({
    value: values[name],
    onChange: ({ currentTarget: { value } }: { currentTarget: { value: string } }) => setValues((v) => ({ ...v, [name]: value })),
  })
  const submit = (event: SyntheticEvent) => {
    event.preventDefault()
    if (values.new !== values.again) return
    const done = () => {
      setValues(nothing)
      notifications.show({ color: 'green', message: t('profile.passwordChanged') })
    }
    change.mutate({ current: values.current, new: values.new }, { onSuccess: done })
  }
  return (
    <Section title={t('profile.password')} text={t('profile.passwordText')}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          {change.error && (
            <Alert color="red" role="alert">
              {messageOf(change.error)}
            </Alert>
          )}
          {/* a password manager stores the new password for this name */}
          <input type="hidden" name="username" autoComplete="username" value={me.email} readOnly />
          <PasswordInput label={t('profile.currentPassword')} autoComplete="current-password" required {...field('current')} />
          <PasswordInput label={t('profile.newPassword')} autoComplete="new-password" required minLength={8} {...field('new')} />
          <PasswordInput
            label={t('profile.newPasswordAgain')}
            autoComplete="new-password"
            required
            withAsterisk={false}
            error={differs && t('profile.passwordsDiffer')}
            {...field('again')}
          />
          <Group>
            <Button type="submit" loading={change.isPending} disabled={!values.current || !values.new || values.new !== values.again}>
              {t('profile.changePassword')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  )
}

function AppearanceSection() {
  const { t } = useTranslation()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <Section title={t('profile.appearance')} text={t('profile.appearanceText')}>
      <SegmentedControl
        aria-label={t('scheme.label')}
        value={colorScheme}
        onChange={(value) => setColorScheme(value)}
        data={[
          { value: 'light', label: t('scheme.light') },
          { value: 'dark', label: t('scheme.dark') },
          { value: 'auto', label: t('scheme.auto') },
        ]}
      />
    </Section>
  )
}
