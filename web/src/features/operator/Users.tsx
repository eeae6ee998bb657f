import { Alert, Badge, Button, Code, CopyButton, Group, Skeleton, Stack, Table, Text, TextInput, VisuallyHidden } from '@mantine/core'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Dialog } from '@/components/Dialog'
import { useDebouncedCallback } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { IconAlertTriangle, IconCheck, IconCopy, IconKey, IconLock, IconLockOpen, IconSearch, IconUsers } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import { messageOf } from '@/lib/api/problem'
import type { User } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import { useDisableUser, useResetPassword, usersQuery } from './api'
import classes from './Operator.module.css'

interface Props {
  q: string | undefined
  onSearch: (q: string | undefined) => void
}

/** The people of the default pool, found by name or e-mail. */
export function Users({ q, onSearch }: Props) {
  const { t } = useTranslation()
  const list = useQuery(usersQuery(q))
  const [typed, setTyped] = useState(q ?? '')
  const [chosen, setChosen] = useState<User>()
  const [leaving, setLeaving] = useState<User>()
  const disable = useDisableUser()
  const search = useDebouncedCallback((text: string) => onSearch(text || undefined), 200)
  return (
    <>
      <TextInput
        mb="md"
        maw={380}
        aria-label={t('operator.searchUsers')}
        placeholder={t('operator.searchUsers')}
        leftSection={<IconSearch size={16} />}
        value={typed}
        onChange={({ currentTarget: { value } }) => {
          setTyped(value)
          search(value.trim())
        }}
      />
      {list.error && !list.data && <Failure error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton h={220} radius="lg" />}
      {list.data?.items.length === 0 && (
        <Empty icon={<IconUsers size={26} />} title={t('operator.noUsers')} text={t('operator.noUsersText')} />
      )}
      {list.data && list.data.items.length > 0 && <UserTable users={list.data.items} onReset={setChosen} onDisable={setLeaving} />}
      {chosen && <ResetDialog user={chosen} onClose={() => setChosen(undefined)} />}
      {leaving && (
        <ConfirmDialog
          opened
          title={t('operator.disableTitle', { name: leaving.name })}
          text={t('operator.disableText', { email: leaving.email })}
          confirm={t('operator.disable')}
          busy={disable.isPending}
          onClose={() => setLeaving(undefined)}
          onConfirm={() => disable.mutate({ id: leaving.id, disabled: true }, { onError: notifyError, onSettled: () => setLeaving(undefined) })}
        />
      )}
    </>
  )
}

interface TableProps {
  users: User[]
  onReset: (user: User) => void
  onDisable: (user: User) => void
}

function UserTable({ users, onReset, onDisable }: TableProps) {
  const { t } = useTranslation()
  const enable = useDisableUser()
  return (
    <div className={classes.card}>
      <Table.ScrollContainer minWidth={800} type="native">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('operator.name')}</Table.Th>
              <Table.Th>{t('operator.email')}</Table.Th>
              <Table.Th>{t('operator.role')}</Table.Th>
              <Table.Th>{t('operator.since')}</Table.Th>
              <Table.Th>
                <VisuallyHidden>{t('sessions.actions')}</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {users.map((user) => (
              <Table.Tr key={user.id}>
                <Table.Td fw={550}>{user.name}</Table.Td>
                <Table.Td>{user.email}</Table.Td>
                <Table.Td>
                  <Group gap={6}>
                    {user.role}
                    {user.operator && <Badge variant="light" miw="max-content">{t('operator.operator')}</Badge>}
                    {user.disabled && (
                      <Badge variant="light" color="red" miw="max-content">
                        {t('operator.disabled')}
                      </Badge>
                    )}
                  </Group>
                </Table.Td>
                <Table.Td>{dateTime(user.createdAt)}</Table.Td>
                <Table.Td ta="right">
                  <Group gap={6} justify="flex-end" wrap="nowrap">
                    <Button
                      size="xs"
                      variant="default"
                      leftSection={<IconKey size={14} />}
                      aria-label={t('operator.resetFor', { name: user.name })}
                      onClick={() => onReset(user)}
                    >
                      {t('operator.reset')}
                    </Button>
                    {user.disabled ? (
                      <Button
                        size="xs"
                        variant="default"
                        leftSection={<IconLockOpen size={14} />}
                        aria-label={t('operator.enableFor', { name: user.name })}
                        loading={enable.isPending && enable.variables.id === user.id}
                        onClick={() => enable.mutate({ id: user.id, disabled: false }, { onError: notifyError })}
                      >
                        {t('operator.enable')}
                      </Button>
                    ) : (
                      <Button
                        size="xs"
                        variant="default"
                        leftSection={<IconLock size={14} />}
                        aria-label={t('operator.disableFor', { name: user.name })}
                        onClick={() => onDisable(user)}
                      >
                        {t('operator.disable')}
                      </Button>
                    )}
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  )
}

/** Makes a one-time link. It is shown here only, now only: the operator hands it over by a way that proves the person. */
function ResetDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const { t } = useTranslation()
  const reset = useResetPassword()
  return (
    <Dialog opened onClose={onClose} title={t('operator.resetTitle', { name: user.name })} centered size="lg">
      {!reset.data ? (
        <Stack>
          <Text size="sm">{t('operator.resetText', { email: user.email })}</Text>
          {reset.error && (
            <Alert color="red" role="alert">
              {messageOf(reset.error)}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('actions.cancel')}
            </Button>
            <Button data-autofocus loading={reset.isPending} onClick={() => reset.mutate(user.id)}>
              {t('operator.makeLink')}
            </Button>
          </Group>
        </Stack>
      ) : (
        <Stack>
          <Alert color="yellow" icon={<IconAlertTriangle size={18} />}>
            {t('operator.linkOnce')}
          </Alert>
          <Code block className={classes.link} tabIndex={0} data-testid="reset-link">
            {reset.data.link}
          </Code>
          <Group justify="flex-end">
            <CopyButton value={reset.data.link}>
              {({ copied, copy }) => (
                <Button variant="default" leftSection={copied ? <IconCheck size={16} /> : <IconCopy size={16} />} onClick={copy}>
                  {copied ? t('block.copied') : t('operator.copyLink')}
                </Button>
              )}
            </CopyButton>
            <Button onClick={onClose}>{t('actions.done')}</Button>
          </Group>
        </Stack>
      )}
    </Dialog>
  )
}
