import { Button, Group } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from './Dialog'
import { Secret } from './Secret'

interface Props {
  title: string
  secret: string
  curl?: string
  /** What belongs to it, such as an id. */
  children?: ReactNode
  onClose: () => void
}

/** Shows a secret once. It closes by its button alone: a stray click must not lose it. */
export function SecretDialog({ title, secret, curl, children, onClose }: Props) {
  const { t } = useTranslation()
  return (
    <Dialog opened onClose={onClose} title={title} centered closeOnClickOutside={false} closeOnEscape={false} withCloseButton={false}>
      {children}
      <Secret secret={secret} curl={curl} />
      <Group justify="flex-end" mt="lg">
        <Button data-autofocus onClick={onClose}>
          {t('secret.kept')}
        </Button>
      </Group>
    </Dialog>
  )
}
