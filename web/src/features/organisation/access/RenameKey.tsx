import { Button, Group, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { ApiError, messageOf } from '@/lib/api/problem'
import type { ApiKey } from '@/lib/api/types'
import { useKeys } from './api'

/** Gives a key another name. */
export function RenameKey({ item, onClose }: { item: ApiKey; onClose: () => void }) {
  const { t } = useTranslation()
  const { rename } = useKeys()
  const [name, setName] = useState(item.name)
  const { error } = rename
  const wrong = error instanceof ApiError ? error.field('name') : undefined
  return (
    <Dialog opened onClose={onClose} title={t('keys.renameTitle', { name: item.name })} centered>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          rename.mutate({ key: item, name }, { onSuccess: onClose })
        }}
      >
        <TextInput
          data-autofocus
          required
          withAsterisk={false}
          label={t('access.name')}
          maxLength={100}
          value={name}
          error={error ? (wrong ?? messageOf(error)) : undefined}
          onChange={({ currentTarget: { value } }) => setName(value)}
        />
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={onClose}>
            {t('actions.cancel')}
          </Button>
          <Button type="submit" loading={rename.isPending}>
            {t('keys.save')}
          </Button>
        </Group>
      </form>
    </Dialog>
  )
}
