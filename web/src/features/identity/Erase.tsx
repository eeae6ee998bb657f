import '@mantine/core/styles/List.layer.css'
import { Alert, Button, Code, Group, List, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { useSuspenseQuery } from '@tanstack/react-query'
import { IconDownload } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { ApiError, messageOf } from '@/lib/api/problem'
import type { Proof } from '@/lib/api/types'
import { leaveErased } from '@/lib/auth'
import { saveBlob } from '@/lib/download'
import { meQuery } from './api'
import { useErase } from './person'

/** The end of one's account, for good; what is left of it is a proof. */
export function Erase() {
  const { t } = useTranslation()
  const [asking, setAsking] = useState(false)
  return (
    <>
      <Consequences />
      <Button color="red" mt="md" onClick={() => setAsking(true)}>
        {t('erase.ask')}
      </Button>
      {asking && <EraseDialog onClose={() => setAsking(false)} />}
    </>
  )
}

function Consequences() {
  const { t } = useTranslation()
  return (
    <List size="sm" spacing={6}>
      <List.Item>{t('erase.labs')}</List.Item>
      <List.Item>{t('erase.rows')}</List.Item>
      <List.Item>{t('erase.stays')}</List.Item>
      <List.Item>{t('erase.final')}</List.Item>
    </List>
  )
}

function EraseDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery())
  const erase = useErase()
  const [confirm, setConfirm] = useState('')
  const [password, setPassword] = useState('')
  const field = (name: string) => (erase.error instanceof ApiError ? erase.error.field(name) : undefined)
  const known = erase.error instanceof ApiError && erase.error.fields.length > 0
  const ready = confirm.trim().toLowerCase() === me.email.toLowerCase() && password !== ''
  if (erase.data) return <Erased proof={erase.data} />
  return (
    <Dialog opened onClose={onClose} size="lg" title={t('erase.title')} closeOnClickOutside={!erase.isPending} closeOnEscape={!erase.isPending}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (ready) erase.mutate({ confirm: confirm.trim(), password })
        }}
      >
        <Stack gap="md">
          <Consequences />
          <TextInput
            data-autofocus
            required
            type="email"
            label={t('tenants.confirm', { name: me.email })}
            autoComplete="off"
            value={confirm}
            error={field('confirm')}
            onChange={({ currentTarget: { value } }) => setConfirm(value)}
          />
          <PasswordInput
            required
            label={t('closing.password')}
            autoComplete="current-password"
            value={password}
            error={field('password')}
            onChange={({ currentTarget: { value } }) => setPassword(value)}
          />
          {erase.isPending && (
            <Text size="sm" role="status">
              {t('erase.busy')}
            </Text>
          )}
          {erase.error && !known && (
            <Alert color="red" variant="light" role="alert">
              {messageOf(erase.error)}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" disabled={erase.isPending} onClick={onClose}>
              {t('actions.cancel')}
            </Button>
            <Button type="submit" color="red" disabled={!ready} loading={erase.isPending}>
              {t('erase.ask')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}

/** The proof, once. The account is gone: only leaving is left, and nothing closes this by chance. */
function Erased({ proof }: { proof: Proof }) {
  const { t } = useTranslation()
  const [saved, setSaved] = useState(false)
  const save = () => {
    saveBlob(new Blob([JSON.stringify(proof, null, 2)], { type: 'application/json' }), 'erasure-proof.json')
    setSaved(true)
  }
  return (
    <Dialog opened onClose={() => undefined} size="lg" title={t('erase.done')} withCloseButton={false} closeOnClickOutside={false} closeOnEscape={false}>
      <Stack gap="md">
        <Text size="sm">{t('erase.proofText')}</Text>
        <Code block mah={260} tabIndex={0} aria-label={t('erase.proof')}>
          {pretty(proof.document)}
        </Code>
        <Group justify="flex-end">
          <Button variant={saved ? 'default' : 'filled'} data-autofocus leftSection={<IconDownload size={16} />} onClick={save}>
            {t('erase.save')}
          </Button>
          <Button variant={saved ? 'filled' : 'default'} onClick={() => void leaveErased()}>
            {t('erase.leave')}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  )
}

/** The document is one line, exactly as it was signed; people read it in many. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
