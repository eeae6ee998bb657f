import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { WorkflowPanel } from '@/components/WorkflowPanel'
import type { Workflow } from '@/lib/api/types'
import { useLiveWorkflow } from '@/lib/api/workflow'
import { changeQuery } from './api'

interface Props {
  workflow: Workflow
  order?: 2 | 3
  /** What can be done about it as it is now. */
  children?: (now: Workflow) => ReactNode
}

/** A change of one's own organisation, live. */
export function OwnWorkflow({ workflow, order, children }: Props) {
  const query = changeQuery(workflow.id)
  const { data: now } = useQuery({ ...query, initialData: workflow, staleTime: Infinity })
  useLiveWorkflow(now, `/v1/tenant/workflows/${now.id}/events`, query.queryKey, 'organisation')
  return <WorkflowPanel workflow={now} order={order}>{children?.(now)}</WorkflowPanel>
}
