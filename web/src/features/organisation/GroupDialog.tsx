import '@mantine/core/styles/List.layer.css'
import '@mantine/core/styles/Combobox.layer.css'
import { ActionIcon, Alert, Button, Group as Row, List, Select, Skeleton, Stack, Text, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { IconPencil, IconTrash, IconX } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import { messageOf } from '@/lib/api/problem'
import { foundMembersQuery } from './api'
import { GroupForm } from './GroupForm'
import classes from './Organisation.module.css'
import { groupQuery, labsQuery, useGroup, useGroupLabs, useGroupMembers } from './people'

interface Props {
  id: string
  onClose: () => void
}

/** A group with who is in it and what is for it. */
export function GroupDialog({ id, onClose }: Props) {
  const { t } = useTranslation()
  const group = useQuery(groupQuery(id))
  const [doing, setDoing] = useState<'edit' | 'remove'>()
  if (doing === 'edit' && group.data) return <GroupForm group={group.data} onClose={() => setDoing(undefined)} />
  if (doing === 'remove') return <RemoveDialog id={id} onClose={() => setDoing(undefined)} onRemoved={onClose} />
  return (
    <Dialog opened onClose={onClose} title={group.data?.name ?? t('groups.title')} size="lg" centered>
      {group.error && !group.data && <Failure error={group.error} onRetry={() => void group.refetch()} />}
      {group.isPending && <Skeleton h={220} />}
      {group.data && (
        <Stack gap="xl">
          {group.data.note && <Text size="sm">{group.data.note}</Text>}
          <People id={id} />
          <Labs id={id} />
          <Row justify="space-between">
            <Button variant="default" leftSection={<IconTrash size={16} />} onClick={() => setDoing('remove')}>
              {t('groups.remove')}
            </Button>
            <Button variant="default" leftSection={<IconPencil size={16} />} onClick={() => setDoing('edit')}>
              {t('groups.edit')}
            </Button>
          </Row>
        </Stack>
      )}
    </Dialog>
  )
}

function People({ id }: { id: string }) {
  const { t } = useTranslation()
  const members = useGroupMembers(id)
  const { person } = useGroup(id)
  const [typed, setTyped] = useState('')
  const [q] = useDebouncedValue(typed.trim(), 200)
  const found = useQuery(foundMembersQuery(q))
  const inside = new Set(members.data?.items.map((member) => member.id))
  const choices = (found.data?.items ?? []).filter((member) => !inside.has(member.id))
  return (
    <Part
      title={t('groups.members')}
      none={t('groups.nobody')}
      items={members.data?.items.map(({ id: user, name, email }) => ({ key: user, label: name, detail: email }))}
      takeOut="groups.takeOut"
      onTakeOut={(user) => person.mutate({ user, member: false }, { onError: notifyError })}
    >
      <Select
        searchable
        aria-label={t('groups.addMember')}
        placeholder={t('groups.addMember')}
        data={choices.map((member) => ({ value: member.id, label: `${member.name} (${member.email})` }))}
        filter={({ options }) => options} // the server has searched already
        searchValue={typed}
        onSearchChange={setTyped}
        value={null}
        onChange={(user) => {
          if (user) person.mutate({ user, member: true }, { onError: notifyError })
          setTyped('')
        }}
      />
    </Part>
  )
}

function Labs({ id }: { id: string }) {
  const { t } = useTranslation()
  const labs = useGroupLabs(id)
  const { lab } = useGroup(id)
  const [typed, setTyped] = useState('')
  const [q] = useDebouncedValue(typed.trim(), 200)
  const found = useQuery(labsQuery(q))
  const has = new Set(labs.data?.items.map(({ slug }) => slug))
  return (
    <Part
      title={t('groups.labs')}
      none={t('groups.noLabs')}
      items={labs.data?.items.map(({ slug, title }) => ({ key: slug, label: title }))}
      takeOut="groups.takeLab"
      onTakeOut={(slug) => lab.mutate({ slug, assigned: false }, { onError: notifyError })}
    >
      <Select
        searchable
        aria-label={t('groups.addLab')}
        placeholder={t('groups.addLab')}
        data={(found.data?.items ?? []).filter(({ slug }) => !has.has(slug)).map(({ slug, title }) => ({ value: slug, label: title }))}
        filter={({ options }) => options}
        searchValue={typed}
        onSearchChange={setTyped}
        value={null}
        onChange={(slug) => {
          if (slug) lab.mutate({ slug, assigned: true }, { onError: notifyError })
          setTyped('')
        }}
      />
    </Part>
  )
}

interface PartProps {
  title: string
  none: string
  items?: { key: string; label: string; detail?: string }[]
  takeOut: 'groups.takeOut' | 'groups.takeLab'
  onTakeOut: (key: string) => void
  children: ReactNode
}

function Part({ title, none, items, takeOut, onTakeOut, children }: PartProps) {
  const { t } = useTranslation()
  return (
    <section aria-label={title}>
      <Title order={3} fz="md" mb="xs">
        {title}
      </Title>
      {children}
      {!items && <Skeleton h={60} mt="sm" />}
      {items?.length === 0 && (
        <Text size="sm" c="dimmed" mt="sm">
          {none}
        </Text>
      )}
      {items && items.length > 0 && (
        <ul className={classes.part}>
          {items.map(({ key, label, detail }) => (
            <li key={key}>
              <span>
                {label} {detail && <span className={classes.detail}>{detail}</span>}
              </span>
              <ActionIcon variant="subtle" color="gray" aria-label={t(takeOut, { name: label })} onClick={() => onTakeOut(key)}>
                <IconX size={16} />
              </ActionIcon>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

/** Says what the deletion frees before it happens. */
function RemoveDialog({ id, onClose, onRemoved }: { id: string; onClose: () => void; onRemoved: () => void }) {
  const { t } = useTranslation()
  const group = useQuery(groupQuery(id))
  const { remove } = useGroup(id)
  const freed = group.data?.deletion
  return (
    <Dialog opened onClose={onClose} title={t('groups.removeTitle', { name: group.data?.name })} centered>
      <Stack gap="md">
        {!freed && <Skeleton h={72} />}
        {freed && (
          <List size="sm" spacing={4}>
            <List.Item>{t('groups.removeMembers', { count: freed.members })}</List.Item>
            <List.Item>{t('groups.removeLabs', { count: freed.labs.length, labs: freed.labs.join(', ') })}</List.Item>
            {freed.children > 0 && <List.Item>{t('groups.removeChildren', { count: freed.children })}</List.Item>}
            {freed.limit !== undefined && <List.Item>{t('groups.removeLimit', { limit: freed.limit })}</List.Item>}
          </List>
        )}
        {remove.error && (
          <Alert color="red" variant="light" role="alert">
            {messageOf(remove.error)}
          </Alert>
        )}
        <Row justify="flex-end">
          <Button variant="default" data-autofocus onClick={onClose}>
            {t('actions.cancel')}
          </Button>
          <Button color="red" disabled={!freed} loading={remove.isPending} onClick={() => remove.mutate(undefined, { onSuccess: onRemoved })}>
            {t('groups.remove')}
          </Button>
        </Row>
      </Stack>
    </Dialog>
  )
}
