import '@mantine/core/styles/Combobox.layer.css'
import { Badge, Button, Group, Menu, Select, Skeleton, Table, TextInput, VisuallyHidden } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { IconChevronRight, IconDots, IconSearch, IconUserCheck, IconUserMinus, IconUserOff, IconUsers } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import type { Me, Member } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import { membersQuery, roles, useMembers, type Role } from './api'
import { MemberDialog, type MemberChange } from './MemberDialog'
import classes from './Organisation.module.css'

/** The people of the organisation: who they are, and what they may. */
export function Members({ me }: { me: Me }) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const [role, setRole] = useState<Role>()
  const [cursor, setCursor] = useState<string>()
  const [q] = useDebouncedValue(typed.trim(), 200)
  const list = useQuery(membersQuery(q, role, cursor))
  const [asked, setAsked] = useState<{ member: Member; change: MemberChange }>()
  return (
    <>
      <Group mb="md" gap="sm">
        <TextInput
          flex="1 1 240px"
          maw={380}
          aria-label={t('operator.searchUsers')}
          placeholder={t('operator.searchUsers')}
          leftSection={<IconSearch size={16} />}
          value={typed}
          onChange={({ currentTarget: { value } }) => {
            setCursor(undefined)
            setTyped(value)
          }}
        />
        <Select
          w={170}
          clearable
          aria-label={t('organisation.byRole')}
          placeholder={t('organisation.anyRole')}
          data={roles.map((value) => ({ value, label: t(`organisation.role.${value}`) }))}
          value={role ?? null}
          onChange={(value) => {
            setCursor(undefined)
            setRole((value) ?? undefined)
          }}
        />
      </Group>
      {list.error && !list.data && <Failure error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton h={220} radius="lg" />}
      {list.data?.items.length === 0 && <Empty icon={<IconUsers size={26} />} title={t('operator.noUsers')} text={t('operator.noUsersText')} />}
      {list.data && list.data.items.length > 0 && <MemberTable me={me} members={list.data.items} onAsk={(member, change) => setAsked({ member, change })} />}
      {list.data?.next && (
        <Group justify="flex-end" mt="md">
          <Button size="xs" variant="default" rightSection={<IconChevronRight size={14} />} onClick={() => setCursor(list.data.next)}>
            {t('organisation.more')}
          </Button>
        </Group>
      )}
      {asked && <MemberDialog {...asked} onClose={() => setAsked(undefined)} />}
    </>
  )
}

interface TableProps {
  me: Me
  members: Member[]
  onAsk: (member: Member, change: MemberChange) => void
}

function MemberTable({ me, members, onAsk }: TableProps) {
  const { t } = useTranslation()
  const { role: change } = useMembers()
  return (
    <div className={classes.card}>
      <Table.ScrollContainer minWidth={640} type="native">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('operator.name')}</Table.Th>
              <Table.Th>{t('operator.email')}</Table.Th>
              <Table.Th>{t('operator.role')}</Table.Th>
              <Table.Th>{t('organisation.joined')}</Table.Th>
              <Table.Th>
                <VisuallyHidden>{t('sessions.actions')}</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {members.map((member) => (
              <Table.Tr key={member.id}>
                <Table.Td fw={550}>
                  {member.name}
                  {(member.status === 'disabled' || member.disabled) && (
                    <Badge miw="max-content" ml="xs" variant="light" color="gray">
                      {t(member.disabled ? 'members.accountDisabled' : 'members.disabled')}
                    </Badge>
                  )}
                </Table.Td>
                <Table.Td>
                  {member.email}
                  {member.mailBounced && (
                    <Badge ml="xs" miw="max-content" variant="light" color="red" title={t('letters.refused')}>
                      {t('mail.state.bounced')}
                    </Badge>
                  )}
                </Table.Td>
                <Table.Td>
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
                </Table.Td>
                <Table.Td className={classes.number}>{dateTime(member.joinedAt)}</Table.Td>
                <Table.Td ta="right">
                  <Menu position="bottom-end">
                    <Menu.Target>
                      <Button size="xs" variant="default" aria-label={t('members.actionsOn', { name: member.name })}>
                        <IconDots size={16} />
                      </Button>
                    </Menu.Target>
                    <Menu.Dropdown>
                      {member.status === 'active' ? (
                        <Menu.Item leftSection={<IconUserOff size={16} />} onClick={() => onAsk(member, 'disable')}>
                          {t('members.disable')}
                        </Menu.Item>
                      ) : (
                        <Menu.Item leftSection={<IconUserCheck size={16} />} onClick={() => onAsk(member, 'enable')}>
                          {t('members.enable')}
                        </Menu.Item>
                      )}
                      <Menu.Item color="red" leftSection={<IconUserMinus size={16} />} onClick={() => onAsk(member, 'remove')}>
                        {t('members.remove')}
                      </Menu.Item>
                    </Menu.Dropdown>
                  </Menu>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  )
}
