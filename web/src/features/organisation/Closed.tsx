import '@mantine/core/styles/Alert.layer.css'
import { Alert, Button, Stack } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { ShutOut } from '@/components/ShutOut'
import { messageOf } from '@/lib/api/problem'
import type { Workflow } from '@/lib/api/types'
import { isOver } from '@/lib/api/workflow'
import { changeQuery, changesQuery, kindClose, useOwnChanges } from './api'
import { OwnWorkflow } from './OwnWorkflow'

interface Props {
  /** Why nobody gets in. */
  error: unknown
  onRetry: () => void
}

/** All that is left to see of an organisation that is being closed. Its owners see how far it is, and can take it back. */
export function Closed({ error, onRetry }: Props) {
  const changes = useQuery({ ...changesQuery(), retry: false }) // others than owners are refused: nothing to show them
  const closing = changes.data?.items.find((item) => item.kind === kindClose && !isOver(item))
  return (
    <Stack maw={720} mx="auto" px="md" gap={0}>
      <ShutOut error={error} onRetry={onRetry} />
      {closing && <Ending workflow={closing} onOpen={onRetry} />}
    </Stack>
  )
}

function Ending({ workflow, onOpen }: { workflow: Workflow; onOpen: () => void }) {
  const { t } = useTranslation()
  const { reopen } = useOwnChanges()
  const { data: now } = useQuery({ ...changeQuery(workflow.id), enabled: false, initialData: workflow })
  const over = isOver(now)
  useEffect(() => {
    if (over) onOpen()
  }, [over, onOpen])
  return (
    <>
      {reopen.error && (
        <Alert color="red" variant="light" role="alert" mb="md">
          {messageOf(reopen.error)}
        </Alert>
      )}
      <OwnWorkflow workflow={workflow} order={2}>
        {({ state }) =>
          (state === 'waiting' || state === 'running') && (
            <Button size="xs" variant="default" loading={reopen.isPending} onClick={() => reopen.mutate()}>
              {t('workflow.cancel')}
            </Button>
          )
        }
      </OwnWorkflow>
    </>
  )
}
