import { Badge, Button } from '@mantine/core'
import { IconMailForward, IconMailPlus, IconMailX } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Email } from '@/components/Email'
import { Empty } from '@/components/Empty'
import { Choice } from '@/components/list/Choice'
import { DataList, type Column } from '@/components/list/DataList'
import { useList } from '@/components/list/useList'
import { notifyError } from '@/components/notify'
import type { Invitation, Me } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import classes from './Organisation.module.css'
import { invitationStates, readInvitations, useInvitations, type InvitationState } from './people'

interface Props {
  me: Me
  state?: InvitationState
  onState: (state: InvitationState | undefined) => void
}

/** Who was invited and has not come yet, or what became of it. */
export function Invitations({ me, state = 'open', onState }: Props) {
  const { t } = useTranslation()
  const [withdrawing, setWithdrawing] = useState<Invitation>()
  const list = useList({ key: ['organisation', 'invitations', state], read: (cursor, signal) => readInvitations(state, cursor, signal) })
  const { revoke } = useInvitations()
  return (
    <div className={classes.below}>
      <DataList
        list={list}
        label={t('invite.invitations')}
        title={t('invite.invitations')}
        columns={columns(t, me, setWithdrawing)}
        rowKey={({ id }) => id}
        filters={
          <Choice
            label={t('invite.byState')}
            values={invitationStates.map((value) => ({ value, label: t(`invite.state.${value}`) }))}
            value={state}
            onChange={(next) => onState(next === 'open' ? undefined : next)}
          />
        }
        empty={<Empty icon={<IconMailPlus size={26} />} title={t(`invite.none.${state}`)} text={t('invite.noneText')} />}
        keepFilters
      />
      <ConfirmDialog
        opened={withdrawing !== undefined}
        title={t('invite.revokeTitle', { email: withdrawing?.email })}
        text={t('invite.revokeText')}
        confirm={t('invite.revoke')}
        busy={revoke.isPending}
        onClose={() => setWithdrawing(undefined)}
        onConfirm={() => withdrawing && revoke.mutate(withdrawing.id, { onSuccess: () => setWithdrawing(undefined), onError: notifyError })}
      />
    </div>
  )
}

const colours: Record<InvitationState, string> = { open: 'blue', expired: 'yellow', accepted: 'green', revoked: 'gray' }

function columns(t: TFunction, me: Me, onRevoke: (invitation: Invitation) => void): Column<Invitation>[] {
  return [
    { title: t('operator.email'), cell: ({ email }) => <Email>{email}</Email> },
    { title: t('operator.role'), cell: ({ role }) => t(`organisation.role.${role}`) },
    { title: t('operator.state'), cell: (item) => <State item={item} /> },
    { title: t('invite.until'), kind: 'short', cell: ({ expiresAt }) => dateTime(expiresAt) },
    {
      title: t('list.actions'),
      kind: 'actions',
      cell: (item) =>
        (item.state === 'open' || item.state === 'expired') &&
        (me.role === 'owner' || item.role !== 'owner') && <Actions item={item} onRevoke={() => onRevoke(item)} />,
    },
  ]
}

function State({ item: { state, mail } }: { item: Invitation }) {
  const { t } = useTranslation()
  return (
    <>
      <Badge miw="max-content" variant="light" color={colours[state]}>
        {t(`invite.state.${state}`)}
      </Badge>
      {state !== 'accepted' && (mail?.state === 'bounced' || mail?.state === 'failed') && (
        <div className={classes.detail}>
          <Badge miw="max-content" variant="light" color="red">
            {t(`mail.state.${mail.state}`)}
          </Badge>{' '}
          {mail.error}
        </div>
      )}
    </>
  )
}

function Actions({ item, onRevoke }: { item: Invitation; onRevoke: () => void }) {
  const { t } = useTranslation()
  const { resend } = useInvitations()
  return (
    <>
      <Button
        size="xs"
        variant="default"
        leftSection={<IconMailForward size={14} />}
        aria-label={t('invite.resendTo', { email: item.email })}
        loading={resend.isPending}
        onClick={() => resend.mutate(item.id, { onError: notifyError })}
      >
        {t('invite.resend')}
      </Button>
      <Button size="xs" variant="default" leftSection={<IconMailX size={14} />} aria-label={t('invite.revokeTitle', { email: item.email })} onClick={onRevoke}>
        {t('invite.revoke')}
      </Button>
    </>
  )
}
