import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { notifyError } from '@/components/notify'
import { WorkflowPanel } from '@/components/WorkflowPanel'
import type { Workflow } from '@/lib/api/types'
import { useLiveWorkflow } from '@/lib/api/workflow'
import { useWorkflowAction, workflowQuery } from './tenants'

/** One long change with its steps, live for as long as it goes on. */
export function WorkflowCard({ workflow }: { workflow: Workflow }) {
  const { t } = useTranslation()
  const query = workflowQuery(workflow.id)
  const { data: now } = useQuery({ ...query, initialData: workflow })
  useLiveWorkflow(now, `/v1/operator/workflows/${now.id}/events`, query.queryKey, 'operator')
  const action = useWorkflowAction(now.id)
  const act = (what: 'resume' | 'cancel') => action.mutate(what, { onError: notifyError })
  return (
    <WorkflowPanel workflow={now}>
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
    </WorkflowPanel>
  )
}
