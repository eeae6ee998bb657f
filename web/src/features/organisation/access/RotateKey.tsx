import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Input.layer.css'
import { Alert, Button, Group, NativeSelect, Stack } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { messageOf } from '@/lib/api/problem'
import type { ApiKey } from '@/lib/api/types'
import { overlaps, useKeys } from './api'
import type { MadeKey } from './KeyForm'
import { LifeSelect } from './LifeSelect'

interface Props {
  item: ApiKey
  onMade: (made: MadeKey) => void
  onClose: () => void
}

/** Gives a key another secret, and says for how long the old one goes on. */
export function RotateKey({ item, onMade, onClose }: Props) {
  const { t } = useTranslation()
  const { rotate } = useKeys()
  const [overlap, setOverlap] = useState(24)
  const [days, setDays] = useState(90)
  return (
    <Dialog opened onClose={onClose} title={t('keys.rotateTitle', { name: item.name })} centered>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          rotate.mutate({ key: item, overlapHours: overlap, days }, { onSuccess: onMade })
        }}
      >
        <Stack gap="md">
          <NativeSelect
            data-autofocus
            label={t('keys.overlap')}
            description={t('keys.overlapText')}
            value={String(overlap)}
            onChange={({ currentTarget: { value } }) => setOverlap(Number(value))}
            data={overlaps.map((hours) => ({
              value: String(hours),
              label: hours === 0 ? t('keys.overlapNone') : t('keys.overlapHours', { count: hours }),
            }))}
          />
          <LifeSelect days={days} onChange={setDays} most={365} />
          {rotate.error && (
            <Alert color="red" variant="light" role="alert">
              {messageOf(rotate.error)}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('actions.cancel')}
            </Button>
            <Button type="submit" loading={rotate.isPending}>
              {t('access.rotate')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
