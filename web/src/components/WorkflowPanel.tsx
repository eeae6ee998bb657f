import { Badge, Group, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Workflow } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import classes from './Card.module.css'
import { StepList } from './StepList'

const colours: Record<Workflow['state'], string> = {
  running: 'yellow',
  waiting: 'gray',
  undoing: 'yellow',
  stuck: 'red',
  succeeded: 'green',
  undone: 'gray',
  cancelled: 'gray',
}

interface Props {
  workflow: Workflow
  /** 2 where nothing stands above it but the page's title. */
  order?: 2 | 3
  /** What can be done about it. */
  children?: ReactNode
}

/** A long change as it stands: its state, its steps, and what went wrong. */
export function WorkflowPanel({ workflow, order = 3, children }: Props) {
  const { t } = useTranslation()
  return (
    <section className={`${classes.card} ${classes.panel}`} aria-label={workflow.title}>
      <Group justify="space-between" mb="xs">
        <Group gap="sm">
          <Title order={order} fz="md">
            {workflow.title}
          </Title>
          <Badge variant="light" color={colours[workflow.state]}>
            {t(`workflow.state.${workflow.state}`)}
          </Badge>
        </Group>
        <Group gap="xs">
          <Text size="sm" c="dimmed">
            {dateTime(workflow.createdAt)}
          </Text>
          {children}
        </Group>
      </Group>
      {workflow.error && (
        <Text size="sm" c="var(--mantine-color-error)" mb="xs">
          {workflow.error}
        </Text>
      )}
      <StepList steps={workflow.steps} label={t('workflow.steps', { title: workflow.title })} />
    </section>
  )
}
