import '@mantine/core/styles/Alert.layer.css'
import { Badge, Button, Stack, Text, Title, UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconPlus } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { DataList, type Column } from '@/components/list/DataList'
import { useList } from '@/components/list/useList'
import type { Policy, SortOf } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import classes from './Organisation.module.css'
import styles from './Policies.module.css'
import { groupsQuery } from './people'
import { readPolicies, template, type Template } from './policies'
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
  const [sort, setSort] = useState<SortOf<'/v1/policies'>>('title')
  const list = useList({ key: ['organisation', 'policies', sort], read: (cursor, signal) => readPolicies(sort, cursor, signal) })
  const [editing, setEditing] = useState<Editing>()
  const [choosing, setChoosing] = useState(false)
  if (editing) return <PolicyEditor key={editing.id ?? 'new'} {...editing} onClose={() => setEditing(undefined)} />
  const some = list.items && list.items.length > 0
  const begin = (none: boolean) => <Templates none={none} onChoose={(kind, title, text) => setEditing({ title: kind === 'empty' ? '' : title, text })} />
  return (
    <Stack gap="xl">
      <DataList
        list={list}
        label={t('policies.title')}
        title={t('policies.title')}
        text={t('policies.text')}
        action={
          some && (
            <Button leftSection={<IconPlus size={16} />} aria-expanded={choosing} onClick={() => setChoosing(!choosing)}>
              {t('policies.add')}
            </Button>
          )
        }
        note={choosing && <div className={styles.begin}>{begin(false)}</div>}
        columns={columns(t, ({ id, title }) => setEditing({ id, title, text: '' }))}
        rowKey={({ id }) => id}
        sort={sort}
        onSort={setSort}
        empty={begin(true)}
      />
      {list.first && <Simulator topics={list.first.topics} />}
    </Stack>
  )
}

function columns(t: TFunction, onOpen: (policy: Policy) => void): Column<Policy>[] {
  return [
    {
      title: t('policies.name'),
      sort: 'title',
      cell: (policy) => (
        <UnstyledButton
          fw={550}
          fz="sm"
          className={classes.open}
          aria-label={t('policies.open', { title: policy.title })}
          onClick={() => onOpen(policy)}
        >
          {policy.title}
        </UnstyledButton>
      ),
    },
    {
      title: t('policies.state'),
      cell: ({ enabled }) => (
        <Badge miw="max-content" variant="light" color={enabled ? 'green' : 'gray'}>
          {enabled ? t('policies.on') : t('policies.off')}
        </Badge>
      ),
    },
    {
      title: t('policies.changed'),
      sort: 'changed',
      cell: ({ changedAt, version, changedBy }) => (
        <>
          {dateTime(changedAt)}
          <div className={classes.detail}>{t('policies.by', { version, name: changedBy ?? t('organisation.gone') })}</div>
        </>
      ),
    },
  ]
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
