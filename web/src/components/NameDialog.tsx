import '@mantine/core/styles/Alert.layer.css'
import { Alert, Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { messageOf } from '@/lib/api/problem'
import { Dialog } from './Dialog'

interface Props {
  title: string
  text: string
  /** What must be typed. */
  name: string
  confirm: string
  busy: boolean
  error: unknown
  onConfirm: () => void
  onClose: () => void
}

/** Asks for the name of what is lost. */
export function NameDialog({ title, text, name, confirm, busy, error, onConfirm, onClose }: Props) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const right = typed.trim() === name
  return (
    <Dialog opened onClose={onClose} title={title} centered>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (right) onConfirm()
        }}
      >
        <Stack gap="md">
          <Text size="sm">{text}</Text>
          <TextInput
            data-autofocus
            label={t('access.typeName', { name })}
            autoComplete="off"
            spellCheck={false}
            value={typed}
            onChange={({ currentTarget: { value } }) => setTyped(value)}
          />
          {error ? (
            <Alert color="red" variant="light" role="alert">
              {messageOf(error)}
            </Alert>
          ) : null}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('actions.cancel')}
            </Button>
            <Button type="submit" color="red" disabled={!right} loading={busy}>
              {confirm}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
