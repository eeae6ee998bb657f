import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Combobox.layer.css'
import '@mantine/core/styles/NumberInput.layer.css'
import { Alert, Button, Group as Row, NumberInput, Select, Stack, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { Conflict, fieldsOf } from '@/components/Conflict'
import { Dialog } from '@/components/Dialog'
import { messageOf } from '@/lib/api/problem'
import type { Group } from '@/lib/api/types'
import { useEdited } from '@/lib/useEdited'
import { groupsQuery, useSaveGroup, type GroupFields } from './people'

interface Props {
  /** The group to change, as it was read; none: a new one. */
  group?: Group & { etag: string }
  onClose: () => void
}

interface Draft {
  name: string
  note: string
  parent: string | null
  max: number | string
}

function draftOf(group: Group | undefined): Draft {
  return { name: group?.name ?? '', note: group?.note ?? '', parent: group?.parent ?? null, max: group?.maxSessions ?? '' }
}

function bodyOf({ name, note, parent, max }: Draft): GroupFields {
  return { name, note: note || undefined, parent: parent ?? undefined, maxSessions: max === '' ? undefined : Number(max) }
}

/** A group's fields as people read them. */
function read(t: TFunction, groups: Group[] | undefined, { name, note, parent, max }: Draft): Record<string, string> {
  return fieldsOf({ [t('groups.name')]: name, [t('groups.note')]: note, [t('groups.parent')]: groups?.find(({ id }) => id === parent)?.name, [t('groups.max')]: max })
}

/** What a group is called, where it is, and how many labs its members run. */
export function GroupForm({ group, onClose }: Props) {
  const { t } = useTranslation()
  const known = useQuery(groupsQuery())
  const first = draftOf(group)
  const { mine, base, theirs, set, takeTheirs, keepMine } = useEdited(first, group && { draft: first, version: group.etag })
  const save = useSaveGroup(group?.id, base?.version)
  const choose = (choice: () => void) => () => {
    save.reset() // what was refused is answered by the choice
    choice()
  }
  const parents = (known.data ?? []).filter((other) => !other.parent && other.id !== group?.id)
  return (
    <Dialog opened onClose={onClose} title={group ? t('groups.editTitle', { name: group.name }) : t('groups.add')} centered>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate(bodyOf(mine), { onSuccess: onClose })
        }}
      >
        <Stack gap="md">
          <TextInput
            data-autofocus
            label={t('groups.name')}
            required
            withAsterisk={false}
            maxLength={100}
            value={mine.name}
            onChange={({ currentTarget: { value } }) => set({ name: value })}
          />
          <TextInput label={t('groups.note')} maxLength={500} value={mine.note} onChange={({ currentTarget: { value } }) => set({ note: value })} />
          {group?.children ? null : (
            <Select
              clearable
              searchable
              label={t('groups.parent')}
              description={t('groups.parentText')}
              placeholder={t('groups.noParent')}
              data={parents.map(({ id, name }) => ({ value: id, label: name }))}
              value={mine.parent}
              onChange={(parent) => set({ parent })}
            />
          )}
          <NumberInput label={t('groups.max')} description={t('groups.maxText')} min={1} max={1000} allowDecimal={false} value={mine.max} onChange={(max) => set({ max })} />
          {theirs && <Conflict theirs={read(t, known.data, theirs)} mine={read(t, known.data, mine)} onTheirs={choose(takeTheirs)} onMine={choose(keepMine)} />}
          {save.error && !theirs && (
            <Alert color="red" variant="light" role="alert">
              {messageOf(save.error)}
            </Alert>
          )}
          <Row justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('actions.cancel')}
            </Button>
            <Button type="submit" disabled={mine.name.trim() === '' || theirs !== undefined} loading={save.isPending}>
              {t('groups.save')}
            </Button>
          </Row>
        </Stack>
      </form>
    </Dialog>
  )
}
