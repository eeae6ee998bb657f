import { ActionIcon, Button, Center, Loader, Stack, Text, ThemeIcon, Title, Tooltip } from '@mantine/core'
import { IconExternalLink, IconPlugConnectedX, IconReload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { notifyError } from '@/components/notify'
import { messageOf } from '@/lib/api/problem'
import type { Port } from '@/lib/api/types'
import { portAddress } from './api'
import classes from './PortPreview.module.css'

interface Props {
  session: string
  port: Port
  active: boolean
}

/** What the lab serves on one of its ports, on the port's own origin, so that it can reach nothing of ours. */
export function PortPreview({ session, port, active }: Props) {
  const { t } = useTranslation()
  // The address holds a ticket that works once: every reload takes a new one, and nothing keeps the old.
  const preview = useQuery({
    queryKey: ['session', session, 'port', port.name],
    queryFn: () => portAddress(session, port.name),
    enabled: active && port.open,
    staleTime: Infinity,
    gcTime: 0,
  })
  if (!port.open) return <Closed port={port} />
  return (
    <div className={classes.preview}>
      <div className={classes.bar}>
        <span className={classes.name}>{t('port.title', { name: port.name, port: port.port })}</span>
        <Tooltip label={t('port.reload')}>
          <ActionIcon variant="subtle" color="gray" aria-label={t('port.reload')} onClick={() => void preview.refetch()}>
            <IconReload size={16} />
          </ActionIcon>
        </Tooltip>
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconExternalLink size={14} />}
          onClick={() => void openInTab(session, port.name)}
        >
          {t('port.openInTab')}
        </Button>
      </div>
      {preview.error && <Center flex={1}>{messageOf(preview.error)}</Center>}
      {preview.isFetching && (
        <Center flex={1}>
          <Loader size="sm" />
        </Center>
      )}
      {preview.data && !preview.isFetching && (
        <iframe key={preview.dataUpdatedAt} src={preview.data} title={t('port.frame', { name: port.name })} className={classes.frame} />
      )}
    </div>
  )
}

/** The tab opens within the click, or the browser would block it; its address follows. */
async function openInTab(session: string, port: string): Promise<void> {
  const tab = window.open('', '_blank')
  try {
    const address = await portAddress(session, port)
    if (!tab) return
    tab.opener = null
    tab.location.replace(address)
  } catch (error) {
    tab?.close()
    notifyError(error)
  }
}

function Closed({ port }: { port: Port }) {
  const { t } = useTranslation()
  return (
    <Center h="100%" p="xl">
      <Stack align="center" gap="sm" maw={380} ta="center">
        <ThemeIcon variant="light" color="gray" size={48} radius="xl">
          <IconPlugConnectedX size={24} />
        </ThemeIcon>
        <Title order={2} fz="lg">
          {t('port.nothing', { port: port.port })}
        </Title>
        <Text size="sm" c="dimmed">
          {t('port.nothingText')}
        </Text>
      </Stack>
    </Center>
  )
}
