import { Alert, Button, Group, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconUserQuestion } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { messageOf } from '@/lib/api/problem'
import type { Tenant } from '@/lib/api/types'
import { useInviteOwner } from './tenants'

/** Says that nobody owns the organisation, such as one that was imported, and lets the operator invite somebody. */
export function Ownerless({ tenant }: { tenant: Tenant }) {
  const { t } = useTranslation()
  const [asking, setAsking] = useState(false)
  return (
    <Alert color="yellow" variant="light" mb="md" icon={<IconUserQuestion size={18} />} title={t('ownerless.title')}>
      <Group justify="space-between" gap="sm">
        <Text size="sm">{t('ownerless.text')}</Text>
        <Button size="xs" variant="default" onClick={() => setAsking(true)}>
          {t('ownerless.invite')}
        </Button>
      </Group>
      {asking && <InviteOwner tenant={tenant} onClose={() => setAsking(false)} />}
    </Alert>
  )
}

function InviteOwner({ tenant, onClose }: { tenant: Tenant; onClose: () => void }) {
  const { t } = useTranslation()
  const [email, setEmail] = useState('')
  const [reason, setReason] = useState('')
  const invite = useInviteOwner(tenant.id)
  const enough = email.trim() !== '' && reason.trim() !== ''
  return (
    <Dialog opened onClose={onClose} title={t('ownerless.dialog', { title: tenant.title })} centered>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (!enough) return
          invite.mutate(
            { email: email.trim(), reason: reason.trim() },
            {
              onSuccess: ({ email: sent }) => {
                notifications.show({ message: t('ownerless.sent', { email: sent }) })
                onClose()
              },
            },
          )
        }}
      >
        <Stack gap="md">
          <Text size="sm">{t('ownerless.means')}</Text>
          <TextInput
            data-autofocus
            type="email"
            label={t('ownerless.email')}
            maxLength={254}
            value={email}
            onChange={({ currentTarget: { value } }) => setEmail(value)}
          />
          <Textarea
            label={t('tenants.reason')}
            description={t('ownerless.seen')}
            autosize
            minRows={2}
            maxLength={300}
            value={reason}
            onChange={({ currentTarget: { value } }) => setReason(value)}
          />
          {invite.error && (
            <Alert color="red" variant="light" role="alert">
              {messageOf(invite.error)}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('actions.cancel')}
            </Button>
            <Button type="submit" disabled={!enough} loading={invite.isPending}>
              {t('ownerless.invite')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
