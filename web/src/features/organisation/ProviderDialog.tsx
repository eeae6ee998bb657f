import '@mantine/core/styles/PasswordInput.layer.css'
import '@mantine/core/styles/Combobox.layer.css'
import { Alert, Button, Code, Group, PasswordInput, Select, Skeleton, Stack, Switch, Text, Textarea, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { Conflict, fieldsOf } from '@/components/Conflict'
import { Dialog } from '@/components/Dialog'
import { Failure } from '@/components/Failure'
import { ApiError, messageOf } from '@/lib/api/problem'
import type { IdentityProvider } from '@/lib/api/types'
import { useEdited, type Saved } from '@/lib/useEdited'
import { editedProviderQuery, formOf, givenRoles, useProviders, type ProviderForm } from './providers'

interface Props {
  /** The one to change; none adds one. */
  provider: IdentityProvider | undefined
  redirectUri: string
  onClose: () => void
}

/** Everything that is set about an identity provider. The secret goes in and never comes out. */
export function ProviderDialog({ provider, redirectUri, onClose }: Props) {
  const { t } = useTranslation()
  const saved = useQuery({ ...editedProviderQuery(provider?.id ?? ''), enabled: provider !== undefined })
  return (
    <Dialog opened onClose={onClose} title={provider ? t('providers.editOf', { name: provider.name }) : t('providers.add')} size="lg" centered>
      {saved.error && !saved.data ? (
        <Failure error={saved.error} onRetry={() => void saved.refetch()} />
      ) : provider && !saved.data ? (
        <Skeleton h={320} />
      ) : (
        <Form provider={provider} saved={saved.data} redirectUri={redirectUri} onClose={onClose} />
      )}
    </Dialog>
  )
}

function Form({ provider, saved, redirectUri, onClose }: Props & { saved: Saved<ProviderForm> | undefined }) {
  const { t } = useTranslation()
  const { mine: form, base, theirs, set, takeTheirs, keepMine } = useEdited(saved?.draft ?? formOf(undefined), saved)
  const { add, change } = useProviders()
  const { error, isPending } = provider ? change : add
  const choose = (choice: () => void) => () => {
    change.reset() // what was refused is answered by the choice
    choice()
  }
  const problem = (field: string) => (error instanceof ApiError ? error.field(field) : undefined)
  const text = (field: keyof ProviderForm & ('name' | 'issuer' | 'clientId' | 'scopes' | 'nameClaim' | 'roleClaim' | 'groupClaim' | 'roles' | 'groups')) => ({
    value: form[field],
    error: problem(field),
    autoComplete: 'off',
    spellCheck: false,
    onChange: ({ currentTarget: { value } }: { currentTarget: { value: string } }) => set({ [field]: value }),
  })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        if (provider) change.mutate({ id: provider.id, etag: base?.version ?? '', form }, { onSuccess: onClose })
        else add.mutate(form, { onSuccess: onClose })
      }}
    >
      <Stack gap="md">
        <Text size="sm">
          {t('providers.redirect')} <Code style={{ overflowWrap: 'anywhere' }}>{redirectUri}</Code>
        </Text>
        <TextInput data-autofocus required label={t('providers.name')} description={t('providers.nameText')} maxLength={60} {...text('name')} />
        <TextInput required type="url" label={t('providers.issuer')} placeholder="https://login.example.com" maxLength={500} {...text('issuer')} />
        <TextInput required label={t('providers.clientId')} maxLength={500} {...text('clientId')} />
        <PasswordInput
          label={t('providers.clientSecret')}
          description={t(provider?.hasSecret ? 'providers.secretKept' : 'providers.secretText')}
          autoComplete="new-password"
          error={problem('clientSecret')}
          value={form.clientSecret}
          onChange={({ currentTarget: { value } }) => set({ clientSecret: value })}
        />
        <TextInput label={t('providers.scopes')} description={t('providers.scopesText')} {...text('scopes')} />
        <TextInput label={t('providers.roleClaim')} description={t('providers.claimText')} placeholder="groups" {...text('roleClaim')} />
        <Select
          label={t('providers.defaultRole')}
          description={t('providers.defaultRoleText')}
          allowDeselect={false}
          data={givenRoles.map((value) => ({ value, label: t(`organisation.role.${value}`) }))}
          value={form.defaultRole}
          error={problem('defaultRole')}
          onChange={(value) => value && set({ defaultRole: value })}
        />
        {form.roleClaim !== '' && (
          <Textarea label={t('providers.roles')} description={t('providers.rolesText')} placeholder="teachers = instructor" autosize minRows={2} {...text('roles')} />
        )}
        <TextInput label={t('providers.groupClaim')} description={t('providers.claimText')} {...text('groupClaim')} />
        {form.groupClaim !== '' && (
          <Textarea label={t('providers.groups')} description={t('providers.groupsText')} placeholder="class-7b = Class 7b" autosize minRows={2} {...text('groups')} />
        )}
        <Switch
          label={t('providers.justInTimeLabel')}
          description={t('providers.justInTimeText')}
          checked={form.justInTime}
          onChange={({ currentTarget: { checked } }) => set({ justInTime: checked })}
        />
        <Switch
          label={t('providers.secondStepLabel')}
          description={t('providers.secondStepText')}
          checked={form.secondStep}
          onChange={({ currentTarget: { checked } }) => set({ secondStep: checked })}
        />
        <Switch
          label={t('providers.enabled')}
          description={t('providers.enabledText')}
          checked={form.enabled}
          onChange={({ currentTarget: { checked } }) => set({ enabled: checked })}
        />
        {theirs && <Conflict theirs={read(t, theirs)} mine={read(t, form)} onTheirs={choose(takeTheirs)} onMine={choose(keepMine)} />}
        {error && !theirs && (
          <Alert color="red" variant="light" role="alert">
            {messageOf(error)}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t('actions.cancel')}
          </Button>
          <Button type="submit" disabled={theirs !== undefined} loading={isPending}>
            {t('providers.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** A provider's fields as people read them; the secret is nobody's to read. */
function read(t: TFunction, form: ProviderForm): Record<string, string> {
  const on = (value: boolean) => t(value ? 'providers.on' : 'providers.off')
  return fieldsOf({
    [t('providers.name')]: form.name,
    [t('providers.issuer')]: form.issuer,
    [t('providers.clientId')]: form.clientId,
    [t('providers.scopes')]: form.scopes,
    [t('providers.roleClaim')]: form.roleClaim,
    [t('providers.defaultRole')]: t(`organisation.role.${form.defaultRole}`),
    [t('providers.roles')]: form.roles,
    [t('providers.groupClaim')]: form.groupClaim,
    [t('providers.groups')]: form.groups,
    [t('providers.justInTimeLabel')]: on(form.justInTime),
    [t('providers.secondStepLabel')]: on(form.secondStep),
    [t('providers.enabled')]: on(form.enabled),
  })
}
