import '@mantine/core/styles/Code.layer.css'
import { Button, Code, CopyButton, Group, Stack, Text } from '@mantine/core'
import { IconCheck, IconCopy, IconTerminal2 } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import classes from './Secret.module.css'

interface Props {
  secret: string
  /** A call that can be tried at once. */
  curl?: string
}

/** A secret that is shown once, to copy by itself or within a command. */
export function Secret({ secret, curl }: Props) {
  const { t } = useTranslation()
  return (
    <Stack gap="sm">
      <Code block className={classes.secret} aria-label={t('secret.field')}>
        {secret}
      </Code>
      <Group gap="xs">
        <Copy text={secret} icon={<IconCopy size={15} />} label={t('secret.copy')} />
        {curl && <Copy text={curl} icon={<IconTerminal2 size={15} />} label={t('secret.curl')} />}
      </Group>
      <Text size="sm" fw={550}>
        {t('secret.once')}
      </Text>
    </Stack>
  )
}

function Copy({ text, icon, label }: { text: string; icon: React.ReactNode; label: string }) {
  const { t } = useTranslation()
  return (
    <CopyButton value={text} timeout={1500}>
      {({ copied, copy }) => (
        <Button size="xs" variant="default" leftSection={copied ? <IconCheck size={15} /> : icon} onClick={copy}>
          <span aria-live="polite">{copied ? t('secret.copied') : label}</span>
        </Button>
      )}
    </CopyButton>
  )
}
