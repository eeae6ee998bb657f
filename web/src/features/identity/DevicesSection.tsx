import { Alert, Button, Group, Stack } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useSuspenseQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { messageOf } from '@/lib/api/problem'
import { signOut } from '@/lib/auth'
import { ago } from '@/lib/format'
import { devicesQuery, useEndDevice, useEndDevices } from './api'
import { Row } from './Row'
import { Section } from './Section'

/** Where a person is signed in. */
export function DevicesSection() {
  const { t } = useTranslation()
  const { data } = useSuspenseQuery(devicesQuery())
  const [everywhere, setEverywhere] = useState(false)
  const end = useEndDevice()
  const endAll = useEndDevices()
  const error = end.error ?? endAll.error
  const leave = (id: string) => end.mutate(id, { onSuccess: () => notifications.show({ color: 'green', message: t('profile.deviceSignedOut') }) })
  return (
    <Section title={t('profile.devices')} text={t('profile.devicesText')}>
      <Stack gap="sm">
        {error && (
          <Alert color="red" role="alert">
            {messageOf(error)}
          </Alert>
        )}
        {data.items.map((device) => (
          <Row
            key={device.id}
            title={device.name}
            note={device.current ? t('profile.thisDevice') : undefined}
            text={t('profile.deviceSeen', { address: device.address, time: ago(device.seenAt) })}
            action={device.current ? undefined : t('profile.signOut')}
            label={t('profile.signOutDevice', { name: device.name, time: ago(device.seenAt) })}
            busy={end.isPending && end.variables === device.id}
            onAction={() => leave(device.id)}
          />
        ))}
        <Group>
          <Button variant="default" onClick={() => setEverywhere(true)}>
            {t('profile.signOutEverywhere')}
          </Button>
        </Group>
      </Stack>
      <ConfirmDialog
        opened={everywhere}
        title={t('profile.signOutEverywhere')}
        text={t('profile.signOutEverywhereText')}
        confirm={t('profile.signOutEverywhere')}
        busy={endAll.isPending}
        onConfirm={() => endAll.mutate(undefined, { onSuccess: () => void signOut() })}
        onClose={() => setEverywhere(false)}
      />
    </Section>
  )
}
