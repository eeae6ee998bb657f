import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Checkbox.layer.css'
import '@mantine/core/styles/Input.layer.css'
import { Alert, Button, Checkbox, Group, Stack, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { ApiError, messageOf } from '@/lib/api/problem'
import type { Program } from '@/lib/api/types'
import { usePrograms } from './api'

interface Props {
  /** The program to change; none: a new one. */
  item?: Program
  onMade: (made: { id: string; name: string; secret?: string }) => void
  onClose: () => void
}

/** The lines that hold something. */
function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
}

/** What a program is called and where people come back to. */
export function ProgramForm({ item, onMade, onClose }: Props) {
  const { t } = useTranslation()
  const { add, change } = usePrograms()
  const { error, isPending } = item ? change : add
  const [name, setName] = useState(item?.name ?? '')
  const [redirects, setRedirects] = useState(item?.redirectUris.join('\n') ?? '')
  const [logout, setLogout] = useState(item?.postLogoutRedirectUris.join('\n') ?? '')
  const [confidential, setConfidential] = useState(true)
  const wrong = (field: string) => (error instanceof ApiError ? error.field(field) : undefined)
  const said = (['name', 'redirectUris', 'postLogoutRedirectUris'] as const).some(wrong)
  const submit = () => {
    const wish = { name, redirectUris: lines(redirects), postLogoutRedirectUris: lines(logout) }
    if (item) change.mutate({ program: item, wish }, { onSuccess: onMade })
    else add.mutate({ ...wish, confidential }, { onSuccess: onMade })
  }
  return (
    <Dialog opened onClose={onClose} title={item ? t('programs.editTitle', { name: item.name }) : t('programs.add')} centered size="lg">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          submit()
        }}
      >
        <Stack gap="md">
          <TextInput
            data-autofocus
            required
            withAsterisk={false}
            label={t('access.name')}
            maxLength={100}
            value={name}
            error={wrong('name')}
            onChange={({ currentTarget: { value } }) => setName(value)}
          />
          <Textarea
            required
            withAsterisk={false}
            autosize
            minRows={2}
            label={t('programs.redirects')}
            description={t('programs.redirectsText')}
            placeholder="https://app.example.com/callback"
            spellCheck={false}
            value={redirects}
            error={wrong('redirectUris')}
            onChange={({ currentTarget: { value } }) => setRedirects(value)}
          />
          <Textarea
            autosize
            minRows={1}
            label={t('programs.logout')}
            description={t('programs.logoutText')}
            spellCheck={false}
            value={logout}
            error={wrong('postLogoutRedirectUris')}
            onChange={({ currentTarget: { value } }) => setLogout(value)}
          />
          {!item && (
            <Checkbox
              label={t('programs.confidential')}
              description={t('programs.confidentialText')}
              checked={confidential}
              onChange={({ currentTarget: { checked } }) => setConfidential(checked)}
            />
          )}
          {error && !said && (
            <Alert color="red" variant="light" role="alert">
              {messageOf(error)}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('actions.cancel')}
            </Button>
            <Button type="submit" loading={isPending}>
              {item ? t('programs.save') : t('programs.create')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
