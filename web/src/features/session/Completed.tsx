import { Button, Group, Stack, Text, ThemeIcon } from '@mantine/core'
import { Dialog } from '@/components/Dialog'
import { IconConfetti } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Session } from '@/lib/api/types'
import { Summary } from './Over'

interface Props {
  session: Session
  onEnd: () => void
  ending: boolean
}

/** Appears once, at the moment when the last step is done. A page that is opened later does not celebrate again. */
export function Completed({ session, onEnd, ending }: Props) {
  const { t } = useTranslation()
  const [before, setBefore] = useState(session.completed)
  const [opened, setOpened] = useState(false)
  if (session.completed !== before) {
    setBefore(session.completed)
    setOpened(session.completed)
  }
  const close = () => setOpened(false)
  return (
    <Dialog opened={opened && session.state === 'ready'} onClose={close} withCloseButton={false}>
      <Stack align="center" ta="center" gap="md" p="md">
        <ThemeIcon size={64} radius="xl" variant="light" color="green">
          <IconConfetti size={36} />
        </ThemeIcon>
        <Dialog.Title fz={24} fw={680}>
          {t('completed.title')}
        </Dialog.Title>
        <Text c="dimmed">{t('completed.text', { title: session.lab.title })}</Text>
        <Summary session={{ ...session, endedAt: new Date().toISOString() }} />
        <Group justify="center">
          <Button variant="default" onClick={close}>
            {t('completed.stay')}
          </Button>
          <Button data-autofocus loading={ending} onClick={onEnd}>
            {t('completed.end')}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  )
}
