import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Table.layer.css'
import { Badge, Button, Group as Row, Skeleton, Stack, Table, Text, Title, UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Failure } from '@/components/Failure'
import { dateTime } from '@/lib/format'
import classes from './Organisation.module.css'
import styles from './Policies.module.css'
import { groupsQuery } from './people'
import { policiesQuery, template, type Template } from './policies'
import { PolicyEditor } from './PolicyEditor'
import { Simulator } from './Simulator'

const templates: Template[] = ['interns', 'instructors', 'hours', 'hidden', 'empty']

interface Editing {
  id?: string
  title: string
  text: string
}

/** What the organisation takes away from roles: its policies, an editor, and a simulator of what they do. */
export function Policies() {
  const { t } = useTranslation()
  const list = useQuery(policiesQuery())
  const [editing, setEditing] = useState<Editing>()
  const [choosing, setChoosing] = useState(false)
  if (editing) return <PolicyEditor key={editing.id ?? 'new'} {...editing} onClose={() => setEditing(undefined)} />
  const none = list.data?.items.length === 0
  return (
    <Stack gap="xl">
      <div>
        <Row justify="space-between" mb="md" gap="sm">
          <Text size="sm" c="dimmed" flex="1 1 260px">
            {t('policies.text')}
          </Text>
          {list.data && !none && (
            <Button leftSection={<IconPlus size={16} />} aria-expanded={choosing} onClick={() => setChoosing(!choosing)}>
              {t('policies.add')}
            </Button>
          )}
        </Row>
        {list.error && !list.data && <Failure error={list.error} onRetry={() => void list.refetch()} />}
        {list.isPending && <Skeleton h={220} radius="lg" />}
        {(none || choosing) && <Templates none={none} onChoose={(kind, title, text) => setEditing({ title: kind === 'empty' ? '' : title, text })} />}
        {list.data && !none && (
          <div className={classes.card}>
            <Table.ScrollContainer minWidth={520} type="native">
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{t('policies.name')}</Table.Th>
                    <Table.Th>{t('policies.state')}</Table.Th>
                    <Table.Th>{t('policies.changed')}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {list.data.items.map((policy) => (
                    <Table.Tr key={policy.id}>
                      <Table.Td>
                        <UnstyledButton
                          fw={550}
                          fz="sm"
                          className={classes.open}
                          aria-label={t('policies.open', { title: policy.title })}
                          onClick={() => setEditing({ id: policy.id, title: policy.title, text: '' })}
                        >
                          {policy.title}
                        </UnstyledButton>
                      </Table.Td>
                      <Table.Td>
                        <Badge miw="max-content" variant="light" color={policy.enabled ? 'green' : 'gray'} tt="none">
                          {policy.enabled ? t('policies.on') : t('policies.off')}
                        </Badge>
                      </Table.Td>
                      <Table.Td className={classes.detail}>
                        {dateTime(policy.changedAt)}
                        <div>{t('policies.by', { version: policy.version, name: policy.changedBy ?? t('organisation.gone') })}</div>
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          </div>
        )}
      </div>
      {list.data && <Simulator topics={list.data.topics} />}
    </Stack>
  )
}

/** The common cases to begin with; where there is nothing yet they teach what policies are. */
function Templates({ none, onChoose }: { none: boolean; onChoose: (kind: Template, title: string, text: string) => void }) {
  const { t } = useTranslation()
  const groups = useQuery(groupsQuery())
  return (
    <section className={`${classes.card} ${styles.panel}`} aria-label={t('policies.begin')}>
      <Title order={2} fz="md" mb={4}>
        {none ? t('policies.none') : t('policies.begin')}
      </Title>
      <Text size="sm" c="dimmed" mb="md">
        {none ? t('policies.noneText') : t('policies.beginText')}
      </Text>
      <div className={styles.cases}>
        {templates.map((kind) => (
          <UnstyledButton
            key={kind}
            className={styles.case}
            onClick={() => onChoose(kind, t(`policies.template.${kind}`), template(kind, groups.data?.[0]))}
          >
            <Text fw={550} size="sm">
              {t(`policies.template.${kind}`)}
            </Text>
            <Text size="sm" c="dimmed">
              {t(`policies.template.${kind}Text`)}
            </Text>
          </UnstyledButton>
        ))}
      </div>
    </section>
  )
}
