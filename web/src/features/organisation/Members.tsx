import '@mantine/core/styles/Combobox.layer.css'
import { ActionIcon, Badge, Button, Menu, Select } from '@mantine/core'
import { IconDots, IconMailPlus, IconUserCheck, IconUserMinus, IconUserOff, IconUsers } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Day } from '@/components/Day'
import { Email } from '@/components/Email'
import { Empty } from '@/components/Empty'
import { Choice } from '@/components/list/Choice'
import { DataList, type Column } from '@/components/list/DataList'
import { SearchField } from '@/components/list/SearchField'
import { useList } from '@/components/list/useList'
import { notifyError } from '@/components/notify'
import type { Me, Member, SortOf } from '@/lib/api/types'
import { readMembers, roles, useMembers, type PeopleFilter } from './api'
import { InviteDialog } from './InviteDialog'
import { MemberDialog, type MemberChange } from './MemberDialog'

interface Props {
  me: Me
  filter: PeopleFilter
  onFilter: (filter: PeopleFilter) => void
}

/** The people of the organisation: who they are, and what they may. */
export function Members({ me, filter, onFilter }: Props) {
  const { t } = useTranslation()
  const [sort, setSort] = useState<SortOf<'/v1/members'>>('-joined')
  const { q, role } = filter
  const list = useList({
    key: ['organisation', 'members', q, role, sort],
    read: (cursor, signal) => readMembers({ q, role, sort, cursor }, signal),
  })
  const [inviting, setInviting] = useState(false)
  const [asked, setAsked] = useState<{ member: Member; change: MemberChange }>()
  return (
    <>
      <DataList
        list={list}
        label={t('organisation.members')}
        title={t('organisation.members')}
        action={
          <Button leftSection={<IconMailPlus size={16} />} onClick={() => setInviting(true)}>
            {t('invite.invite')}
          </Button>
        }
        columns={columns(t, me, (member, change) => setAsked({ member, change }))}
        rowKey={({ id }) => id}
        sort={sort}
        onSort={setSort}
        filters={
          <>
            <SearchField label={t('operator.searchUsers')} value={q} onChange={(next) => onFilter({ ...filter, q: next })} />
            <Choice
              label={t('organisation.byRole')}
              any={t('list.all')}
              values={roles.map((value) => ({ value, label: t(`organisation.role.${value}`) }))}
              value={role}
              onChange={(next) => onFilter({ ...filter, role: next })}
            />
          </>
        }
        onClear={(q ?? role) ? () => onFilter({ ...filter, q: undefined, role: undefined }) : undefined}
        empty={<Empty icon={<IconUsers size={26} />} title={t('operator.noUsers')} text={t('operator.noUsersText')} />}
      />
      {inviting && <InviteDialog me={me} onClose={() => setInviting(false)} />}
      {asked && <MemberDialog {...asked} onClose={() => setAsked(undefined)} />}
    </>
  )
}

function columns(t: TFunction, me: Me, onAsk: (member: Member, change: MemberChange) => void): Column<Member>[] {
  return [
    {
      title: t('operator.name'),
      cell: ({ name, status, disabled }) => (
        <>
          {name}
          {(status === 'disabled' || disabled) && (
            <Badge miw="max-content" ml="xs" variant="light" color="gray">
              {t(disabled ? 'members.accountDisabled' : 'members.disabled')}
            </Badge>
          )}
        </>
      ),
    },
    {
      title: t('operator.email'),
      kind: 'long',
      cell: ({ email, mailBounced }) => (
        <>
          <Email>{email}</Email>
          {mailBounced && (
            <Badge ml="xs" miw="max-content" variant="light" color="red" title={t('letters.refused')}>
              {t('mail.state.bounced')}
            </Badge>
          )}
        </>
      ),
    },
    { title: t('operator.role'), cell: (member) => <RoleSelect me={me} member={member} /> },
    { title: t('organisation.joined'), kind: 'short', sort: 'joined', cell: ({ joinedAt }) => <Day at={joinedAt} /> },
    { title: t('list.actions'), kind: 'actions', cell: (member) => <Actions member={member} onAsk={(change) => onAsk(member, change)} /> },
  ]
}

function RoleSelect({ me, member }: { me: Me; member: Member }) {
  const { t } = useTranslation()
  const { role: change } = useMembers()
  return (
    <Select
      size="xs"
      w={140}
      allowDeselect={false}
      aria-label={t('organisation.roleOf', { name: member.name })}
      data={roles.map((value) => ({ value, label: t(`organisation.role.${value}`) }))}
      value={member.role}
      disabled={me.role !== 'owner' && member.role === 'owner'}
      onChange={(value) => value && change.mutate({ user: member.id, role: value }, { onError: notifyError })}
    />
  )
}

function Actions({ member, onAsk }: { member: Member; onAsk: (change: MemberChange) => void }) {
  const { t } = useTranslation()
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon size={30} variant="default" aria-label={t('members.actionsOn', { name: member.name })}>
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {member.status === 'active' ? (
          <Menu.Item leftSection={<IconUserOff size={16} />} onClick={() => onAsk('disable')}>
            {t('members.disable')}
          </Menu.Item>
        ) : (
          <Menu.Item leftSection={<IconUserCheck size={16} />} onClick={() => onAsk('enable')}>
            {t('members.enable')}
          </Menu.Item>
        )}
        <Menu.Item color="red" leftSection={<IconUserMinus size={16} />} onClick={() => onAsk('remove')}>
          {t('members.remove')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
