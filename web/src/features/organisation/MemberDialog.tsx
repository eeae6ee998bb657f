import '@mantine/core/styles/List.layer.css'
import '@mantine/core/styles/Alert.layer.css'
import { Alert, Button, Group, List, Skeleton, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { messageOf } from '@/lib/api/problem'
import type { Member } from '@/lib/api/types'
import { useMembers } from './api'
import { memberQuery, useSetStatus } from './people'

export type MemberChange = 'disable' | 'enable' | 'remove'

interface Props {
  member: Member
  change: MemberChange
  onClose: () => void
}

/** Says what becomes of a member's labs, groups and records before anything happens to them. */
export function MemberDialog({ member, change, onClose }: Props) {
  const { t } = useTranslation()
  const facts = useQuery(memberQuery(member.id))
  const { remove } = useMembers()
  const status = useSetStatus()
  const { error, isPending } = change === 'remove' ? remove : status
  const refused = change !== 'enable' && facts.data?.lastOwner === true
  const confirm = () => {
    if (change === 'remove') remove.mutate(member.id, { onSuccess: onClose })
    else status.mutate({ user: member.id, status: change === 'disable' ? 'disabled' : 'active' }, { onSuccess: onClose })
  }
  return (
    <Dialog opened onClose={onClose} title={t(`members.${change}Title`, { name: member.name })} centered>
      <Stack gap="md">
        <Text size="sm">{t(`members.${change}Text`)}</Text>
        {facts.isPending && <Skeleton h={72} />}
        {facts.data && (
          <List size="sm" spacing={4}>
            <List.Item>{t('members.running', { count: facts.data.running, context: change === 'enable' ? 'enable' : undefined })}</List.Item>
            <List.Item>{t('members.started', { count: facts.data.started })}</List.Item>
            <List.Item>
              {facts.data.groups.length === 0
                ? t('members.noGroups')
                : t(change === 'remove' ? 'members.leaves' : 'members.stays', { groups: facts.data.groups.join(', ') })}
            </List.Item>
          </List>
        )}
        {refused && (
          <Alert color="yellow" role="alert">
            {t('members.lastOwner')}
          </Alert>
        )}
        {(error ?? facts.error) && (
          <Alert color="red" variant="light" role="alert">
            {messageOf(error ?? facts.error)}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" data-autofocus onClick={onClose}>
            {t('actions.cancel')}
          </Button>
          <Button color={change === 'enable' ? undefined : 'red'} disabled={!facts.data || refused} loading={isPending} onClick={confirm}>
            {t(`members.${change}`)}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  )
}
