import { Alert, Button, Group, Stack, Text, Textarea } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { messageOf } from '@/lib/api/problem'
import { Dialog } from './Dialog'

/** What the API wants at least. */
const shortest = 5

interface Props {
  title: string
  /** What it does, and who sees the reason. */
  text: string
  confirm: string
  busy: boolean
  error: unknown
  onConfirm: (reason: string) => void
  onClose: () => void
}

/** Asks why, before something that others are told about. */
export function ReasonDialog({ title, text, confirm, busy, error, onConfirm, onClose }: Props) {
  const { t } = useTranslation()
  const [reason, setReason] = useState('')
  const enough = reason.trim().length >= shortest
  return (
    <Dialog opened onClose={onClose} title={title} centered>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (enough) onConfirm(reason.trim())
        }}
      >
        <Stack gap="md">
          <Text size="sm">{text}</Text>
          <Textarea
            data-autofocus
            label={t('tenants.reason')}
            description={t('tenants.reasonLength')}
            autosize
            minRows={2}
            maxLength={500}
            value={reason}
            onChange={({ currentTarget: { value } }) => setReason(value)}
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
            <Button type="submit" disabled={!enough} loading={busy}>
              {confirm}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
