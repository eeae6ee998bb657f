import { Badge, Button, Group, Text, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { notifyError } from '@/components/notify'
import { StepList } from '@/components/StepList'
import { followEvents } from '@/lib/api/events'
import type { Workflow } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import classes from './Operator.module.css'
import { isOver, useWorkflowAction, workflowQuery } from './tenants'

const colours: Record<Workflow['state'], string> = {
  running: 'yellow',
  waiting: 'gray',
  undoing: 'yellow',
  stuck: 'red',
  succeeded: 'green',
  undone: 'gray',
  cancelled: 'gray',
}

/** One long change with its steps, live for as long as it goes on. */
export function WorkflowCard({ workflow }: { workflow: Workflow }) {
  const { t } = useTranslation()
  const { data: now } = useQuery({ ...workflowQuery(workflow.id), initialData: workflow })
  useLive(now)
  const action = useWorkflowAction(now.id)
  const act = (what: 'resume' | 'cancel') => action.mutate(what, { onError: notifyError })
  return (
    <section className={`${classes.card} ${classes.panel}`} aria-label={now.title}>
      <Group justify="space-between" mb="xs">
        <Group gap="sm">
          <Title order={3} fz="md">
            {now.title}
          </Title>
          <Badge variant="light" color={colours[now.state]}>
            {t(`workflow.state.${now.state}`)}
          </Badge>
        </Group>
        <Group gap="xs">
          <Text size="sm" c="dimmed">
            {dateTime(now.createdAt)}
          </Text>
          {now.state === 'stuck' && (
            <Button size="xs" loading={action.isPending} onClick={() => act('resume')}>
              {t('workflow.resume')}
            </Button>
          )}
          {(now.state === 'waiting' || now.state === 'running') && (
            <Button size="xs" variant="default" loading={action.isPending} onClick={() => act('cancel')}>
              {t('workflow.cancel')}
            </Button>
          )}
        </Group>
      </Group>
      {now.error && (
        <Text size="sm" c="var(--mantine-color-error)" mb="xs">
          {now.error}
        </Text>
      )}
      <StepList steps={now.steps} label={t('workflow.steps', { title: now.title })} />
    </section>
  )
}

/** Follows a workflow's events into the cache until it is over. */
function useLive(workflow: Workflow) {
  const client = useQueryClient()
  const { id } = workflow
  const over = isOver(workflow)
  useEffect(() => {
    if (over) return
    const life = new AbortController()
    const onEvent = ({ event, data }: { event: string; data: string }) => {
      if (event !== 'workflow') return
      const next = JSON.parse(data) as Workflow
      client.setQueryData(workflowQuery(id).queryKey, next)
      if (isOver(next)) {
        life.abort()
        void client.invalidateQueries({ queryKey: ['operator'] })
      }
    }
    const follower = { onEvent, onOpen: () => undefined, onLost: () => undefined }
    followEvents(`/v1/operator/workflows/${id}/events`, follower, life.signal).catch(() => {
      void client.invalidateQueries({ queryKey: workflowQuery(id).queryKey })
    })
    return () => life.abort()
  }, [client, id, over])
}
