import '@mantine/core/styles/Combobox.layer.css'
import { Button, Group, Select, Skeleton, Table, TextInput, VisuallyHidden } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { IconChevronRight, IconSearch, IconUserMinus, IconUsers } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import type { Me, Member } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import { membersQuery, roles, useMembers, type Role } from './api'
import classes from './Organisation.module.css'

/** The people of the organisation: who they are, and what they may. */
export function Members({ me }: { me: Me }) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const [role, setRole] = useState<Role>()
  const [cursor, setCursor] = useState<string>()
  const [q] = useDebouncedValue(typed.trim(), 200)
  const list = useQuery(membersQuery(q, role, cursor))
  const [leaving, setLeaving] = useState<Member>()
  const { remove } = useMembers()
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
      {list.data && list.data.items.length > 0 && <MemberTable me={me} members={list.data.items} onRemove={setLeaving} />}
      {list.data?.next && (
        <Group justify="flex-end" mt="md">
          <Button size="xs" variant="default" rightSection={<IconChevronRight size={14} />} onClick={() => setCursor(list.data.next)}>
            {t('organisation.more')}
          </Button>
        </Group>
      )}
      <ConfirmDialog
        opened={leaving !== undefined}
        title={t('organisation.removeTitle', { name: leaving?.name })}
        text={t('organisation.removeText')}
        confirm={t('organisation.remove')}
        busy={remove.isPending}
        onClose={() => setLeaving(undefined)}
        onConfirm={() => leaving && remove.mutate(leaving.id, { onSuccess: () => setLeaving(undefined), onError: notifyError })}
      />
    </>
  )
}

function MemberTable({ me, members, onRemove }: { me: Me; members: Member[]; onRemove: (member: Member) => void }) {
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
                <Table.Td fw={550}>{member.name}</Table.Td>
                <Table.Td>{member.email}</Table.Td>
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
                <Table.Td>{dateTime(member.joinedAt)}</Table.Td>
                <Table.Td ta="right">
                  <Button
                    size="xs"
                    variant="default"
                    leftSection={<IconUserMinus size={14} />}
                    aria-label={t('organisation.removeTitle', { name: member.name })}
                    onClick={() => onRemove(member)}
                  >
                    {t('organisation.remove')}
                  </Button>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  )
}
