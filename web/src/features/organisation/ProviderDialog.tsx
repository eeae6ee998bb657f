import '@mantine/core/styles/PasswordInput.layer.css'
import '@mantine/core/styles/Combobox.layer.css'
import { Alert, Button, Code, Group, PasswordInput, Select, Skeleton, Stack, Switch, Text, Textarea, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { Failure } from '@/components/Failure'
import { ApiError, messageOf } from '@/lib/api/problem'
import type { IdentityProvider } from '@/lib/api/types'
import { formOf, givenRoles, useProviders, type ProviderForm } from './providers'

interface Props {
  /** The one to change; none adds one. */
  provider: IdentityProvider | undefined
  redirectUri: string
  onClose: () => void
}

/** Everything that is set about an identity provider. The secret goes in and never comes out. */
export function ProviderDialog({ provider, redirectUri, onClose }: Props) {
  const { t } = useTranslation()
  const { etagOf } = useProviders()
  // What the form was filled with has this version: somebody else's change meanwhile is refused, not lost.
  const etag = useQuery({ queryKey: ['organisation', 'providers', provider?.id ?? '', 'etag'], queryFn: () => etagOf(provider?.id ?? ''), enabled: provider !== undefined, staleTime: 0, gcTime: 0 })
  return (
    <Dialog opened onClose={onClose} title={provider ? t('providers.editOf', { name: provider.name }) : t('providers.add')} size="lg" centered>
      {etag.error ? (
        <Failure error={etag.error} onRetry={() => void etag.refetch()} />
      ) : provider && !etag.data ? (
        <Skeleton h={320} />
      ) : (
        <Form provider={provider} etag={etag.data ?? ''} redirectUri={redirectUri} onClose={onClose} />
      )}
    </Dialog>
  )
}

function Form({ provider, etag, redirectUri, onClose }: Props & { etag: string }) {
  const { t } = useTranslation()
  const [form, setForm] = useState(() => formOf(provider))
  const { add, change } = useProviders()
  const { error, isPending } = provider ? change : add
  const problem = (field: string) => (error instanceof ApiError ? error.field(field) : undefined)
  const text = (field: keyof ProviderForm & ('name' | 'issuer' | 'clientId' | 'scopes' | 'nameClaim' | 'roleClaim' | 'groupClaim' | 'roles' | 'groups')) => ({
    value: form[field],
    error: problem(field),
    autoComplete: 'off',
    spellCheck: false,
    onChange: ({ currentTarget: { value } }: { currentTarget: { value: string } }) => setForm((now) => ({ ...now, [field]: value })),
  })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        if (provider) change.mutate({ id: provider.id, etag, form }, { onSuccess: onClose })
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
          onChange={({ currentTarget: { value } }) => setForm((now) => ({ ...now, clientSecret: value }))}
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
          onChange={(value) => value && setForm((now) => ({ ...now, defaultRole: value }))}
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
          onChange={({ currentTarget: { checked } }) => setForm((now) => ({ ...now, justInTime: checked }))}
        />
        <Switch
          label={t('providers.secondStepLabel')}
          description={t('providers.secondStepText')}
          checked={form.secondStep}
          onChange={({ currentTarget: { checked } }) => setForm((now) => ({ ...now, secondStep: checked }))}
        />
        <Switch
          label={t('providers.enabled')}
          description={t('providers.enabledText')}
          checked={form.enabled}
          onChange={({ currentTarget: { checked } }) => setForm((now) => ({ ...now, enabled: checked }))}
        />
        {error && (
          <Alert color="red" variant="light" role="alert">
            {messageOf(error)}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t('actions.cancel')}
          </Button>
          <Button type="submit" loading={isPending}>
            {t('providers.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
