import { ActionIcon, Alert, Badge, Button, Code, CopyButton, Group, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconCheck, IconCopy, IconKey, IconLock, IconLockOpen, IconUsers } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Dialog } from '@/components/Dialog'
import { Day } from '@/components/Day'
import { Email } from '@/components/Email'
import { Empty } from '@/components/Empty'
import { DataList, type Column } from '@/components/list/DataList'
import { SearchField } from '@/components/list/SearchField'
import { useList } from '@/components/list/useList'
import { notifyError } from '@/components/notify'
import { messageOf } from '@/lib/api/problem'
import type { Member, SortOf, User } from '@/lib/api/types'
import { readUsers, useDisableUser, useResetPassword } from './api'
import classes from './Operator.module.css'

interface Props {
  q: string | undefined
  onSearch: (q: string | undefined) => void
}

/** The people of the default pool, found by name or e-mail. */
export function Users({ q, onSearch }: Props) {
  const { t } = useTranslation()
  const [sort, setSort] = useState<SortOf<'/v1/operator/users'>>('-created')
  const list = useList({ key: ['operator', 'users', q, sort], read: (cursor, signal) => readUsers({ q, sort, cursor }, signal) })
  const [chosen, setChosen] = useState<User>()
  const [leaving, setLeaving] = useState<User>()
  const disable = useDisableUser()
  return (
    <>
      <DataList
        list={list}
        label={t('operator.users')}
        title={t('operator.users')}
        columns={columns(t, setChosen, setLeaving)}
        rowKey={({ id }) => id}
        sort={sort}
        onSort={setSort}
        filters={<SearchField label={t('operator.searchUsers')} value={q} onChange={onSearch} />}
        onClear={q === undefined ? undefined : () => onSearch(undefined)}
        empty={<Empty icon={<IconUsers size={26} />} title={t('operator.noUsers')} text={t('operator.noUsersText')} />}
      />
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

function columns(t: TFunction, onReset: (user: User) => void, onDisable: (user: User) => void): Column<User>[] {
  return [
    { title: t('operator.name'), cell: ({ name }) => name },
    { title: t('operator.email'), kind: 'long', cell: ({ email }) => <Email>{email}</Email> },
    {
      title: t('operator.role'),
      cell: ({ role, operator, disabled }) => (
        <Group gap={6}>
          {role && t(`organisation.role.${role as Member['role']}`)}
          {operator && (
            <Badge variant="light" miw="max-content">
              {t('operator.operator')}
            </Badge>
          )}
          {disabled && (
            <Badge variant="light" color="red" miw="max-content">
              {t('operator.disabled')}
            </Badge>
          )}
        </Group>
      ),
    },
    { title: t('operator.since'), kind: 'short', sort: 'created', cell: ({ createdAt }) => <Day at={createdAt} /> },
    { title: t('list.actions'), kind: 'actions', cell: (user) => <Actions user={user} onReset={onReset} onDisable={onDisable} /> },
  ]
}

interface ActionsProps {
  user: User
  onReset: (user: User) => void
  onDisable: (user: User) => void
}

function Actions({ user, onReset, onDisable }: ActionsProps) {
  const { t } = useTranslation()
  const enable = useDisableUser()
  return (
    <>
      <ActionIcon size={30} variant="default" aria-label={t('operator.resetFor', { name: user.name })} title={t('operator.reset')} onClick={() => onReset(user)}>
        <IconKey size={16} />
      </ActionIcon>
      {user.disabled ? (
        <ActionIcon
          size={30}
          variant="default"
          aria-label={t('operator.enableFor', { name: user.name })}
          title={t('operator.enable')}
          loading={enable.isPending}
          onClick={() => enable.mutate({ id: user.id, disabled: false }, { onError: notifyError })}
        >
          <IconLockOpen size={16} />
        </ActionIcon>
      ) : (
        <ActionIcon size={30} variant="default" aria-label={t('operator.disableFor', { name: user.name })} title={t('operator.disable')} onClick={() => onDisable(user)}>
          <IconLock size={16} />
        </ActionIcon>
      )}
    </>
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
