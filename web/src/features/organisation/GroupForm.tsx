import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Combobox.layer.css'
import '@mantine/core/styles/NumberInput.layer.css'
import { Alert, Button, Group as Row, NumberInput, Select, Stack, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { messageOf } from '@/lib/api/problem'
import type { Group } from '@/lib/api/types'
import { groupsQuery, useSaveGroup } from './people'

interface Props {
  /** The group to change, as it was read; none: a new one. */
  group?: Group & { etag: string }
  onClose: () => void
}

/** What a group is called, where it is, and how many labs its members run. */
export function GroupForm({ group, onClose }: Props) {
  const { t } = useTranslation()
  const save = useSaveGroup(group?.id, group?.etag)
  const known = useQuery(groupsQuery())
  const [name, setName] = useState(group?.name ?? '')
  const [note, setNote] = useState(group?.note ?? '')
  const [parent, setParent] = useState<string | null>(group?.parent ?? null)
  const [max, setMax] = useState<number | string>(group?.maxSessions ?? '')
  const parents = (known.data ?? []).filter((other) => !other.parent && other.id !== group?.id)
  return (
    <Dialog opened onClose={onClose} title={group ? t('groups.editTitle', { name: group.name }) : t('groups.add')} centered>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          const fields = { name, note: note || undefined, parent: parent ?? undefined, maxSessions: max === '' ? undefined : Number(max) }
          save.mutate(fields, { onSuccess: onClose })
        }}
      >
        <Stack gap="md">
          <TextInput
            data-autofocus
            label={t('groups.name')}
            required
            withAsterisk={false}
            maxLength={100}
            value={name}
            onChange={({ currentTarget: { value } }) => setName(value)}
          />
          <TextInput label={t('groups.note')} maxLength={500} value={note} onChange={({ currentTarget: { value } }) => setNote(value)} />
          {group?.children ? null : (
            <Select
              clearable
              searchable
              label={t('groups.parent')}
              description={t('groups.parentText')}
              placeholder={t('groups.noParent')}
              data={parents.map(({ id, name }) => ({ value: id, label: name }))}
              value={parent}
              onChange={setParent}
            />
          )}
          <NumberInput label={t('groups.max')} description={t('groups.maxText')} min={1} max={1000} allowDecimal={false} value={max} onChange={setMax} />
          {save.error && (
            <Alert color="red" variant="light" role="alert">
              {messageOf(save.error)}
            </Alert>
          )}
          <Row justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('actions.cancel')}
            </Button>
            <Button type="submit" disabled={name.trim() === ''} loading={save.isPending}>
              {t('groups.save')}
            </Button>
          </Row>
        </Stack>
      </form>
    </Dialog>
  )
}
