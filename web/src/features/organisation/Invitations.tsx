import { Badge, Button, Group, Select, Skeleton, Table, Text, Title, VisuallyHidden } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconChevronRight, IconMailForward, IconMailPlus, IconMailX } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import type { Invitation, Me } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import { InviteDialog } from './InviteDialog'
import classes from './Organisation.module.css'
import { invitationsQuery, useInvitations, type InvitationState } from './people'

const states: InvitationState[] = ['open', 'expired', 'accepted', 'revoked']

/** Who was invited and has not come yet, or what became of it. */
export function Invitations({ me }: { me: Me }) {
  const { t } = useTranslation()
  const [state, setState] = useState<InvitationState>('open')
  const [cursor, setCursor] = useState<string>()
  const [inviting, setInviting] = useState(false)
  const [withdrawing, setWithdrawing] = useState<Invitation>()
  const list = useQuery(invitationsQuery(state, cursor))
  const { revoke } = useInvitations()
  return (
    <section aria-labelledby="invitations">
      <Group justify="space-between" mt="xl" mb="md" gap="sm">
        <Title order={2} fz="lg" id="invitations">
          {t('invite.invitations')}
        </Title>
        <Group gap="sm">
          <Select
            w={150}
            allowDeselect={false}
            aria-label={t('invite.byState')}
            data={states.map((value) => ({ value, label: t(`invite.state.${value}`) }))}
            value={state}
            onChange={(value) => {
              setCursor(undefined)
              if (value) setState(value)
            }}
          />
          <Button leftSection={<IconMailPlus size={16} />} onClick={() => setInviting(true)}>
            {t('invite.invite')}
          </Button>
        </Group>
      </Group>
      {list.error && !list.data && <Failure error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton h={120} radius="lg" />}
      {list.data?.items.length === 0 && (
        <Text size="sm" c="dimmed">
          {t(`invite.none.${state}`)}
        </Text>
      )}
      {list.data && list.data.items.length > 0 && <InvitationTable me={me} items={list.data.items} onRevoke={setWithdrawing} />}
      {list.data?.next && (
        <Group justify="flex-end" mt="md">
          <Button size="xs" variant="default" rightSection={<IconChevronRight size={14} />} onClick={() => setCursor(list.data.next)}>
            {t('organisation.more')}
          </Button>
        </Group>
      )}
      {inviting && <InviteDialog me={me} onClose={() => setInviting(false)} />}
      <ConfirmDialog
        opened={withdrawing !== undefined}
        title={t('invite.revokeTitle', { email: withdrawing?.email })}
        text={t('invite.revokeText')}
        confirm={t('invite.revoke')}
        busy={revoke.isPending}
        onClose={() => setWithdrawing(undefined)}
        onConfirm={() => withdrawing && revoke.mutate(withdrawing.id, { onSuccess: () => setWithdrawing(undefined), onError: notifyError })}
      />
    </section>
  )
}

const colours: Record<InvitationState, string> = { open: 'blue', expired: 'yellow', accepted: 'green', revoked: 'gray' }

function InvitationTable({ me, items, onRevoke }: { me: Me; items: Invitation[]; onRevoke: (invitation: Invitation) => void }) {
  const { t } = useTranslation()
  const { resend } = useInvitations()
  return (
    <div className={classes.card}>
      <Table.ScrollContainer minWidth={640} type="native">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('operator.email')}</Table.Th>
              <Table.Th>{t('operator.role')}</Table.Th>
              <Table.Th>{t('operator.state')}</Table.Th>
              <Table.Th>{t('invite.until')}</Table.Th>
              <Table.Th>
                <VisuallyHidden>{t('sessions.actions')}</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((item) => (
              <Table.Tr key={item.id}>
                <Table.Td fw={550}>{item.email}</Table.Td>
                <Table.Td>{t(`organisation.role.${item.role}`)}</Table.Td>
                <Table.Td>
                  <Badge miw="max-content" variant="light" color={colours[item.state]}>
                    {t(`invite.state.${item.state}`)}
                  </Badge>
                  {item.state !== 'accepted' && (item.mail?.state === 'bounced' || item.mail?.state === 'failed') && (
                    <div className={classes.detail}>
                      <Badge miw="max-content" variant="light" color="red">
                        {t(`mail.state.${item.mail.state}`)}
                      </Badge>{' '}
                      {item.mail.error}
                    </div>
                  )}
                </Table.Td>
                <Table.Td className={classes.number}>{dateTime(item.expiresAt)}</Table.Td>
                <Table.Td>
                  {(item.state === 'open' || item.state === 'expired') && (me.role === 'owner' || item.role !== 'owner') && (
                    <Group justify="flex-end" gap="xs" wrap="nowrap">
                      <Button
                        size="xs"
                        variant="default"
                        leftSection={<IconMailForward size={14} />}
                        aria-label={t('invite.resendTo', { email: item.email })}
                        loading={resend.isPending && resend.variables === item.id}
                        onClick={() => resend.mutate(item.id, { onError: notifyError })}
                      >
                        {t('invite.resend')}
                      </Button>
                      <Button
                        size="xs"
                        variant="default"
                        leftSection={<IconMailX size={14} />}
                        aria-label={t('invite.revokeTitle', { email: item.email })}
                        onClick={() => onRevoke(item)}
                      >
                        {t('invite.revoke')}
                      </Button>
                    </Group>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  )
}
