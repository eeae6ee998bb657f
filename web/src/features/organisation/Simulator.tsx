import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Combobox.layer.css'
import { Alert, Button, Group as Row, Select, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { IconCircleCheck, IconCircleX } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { messageOf } from '@/lib/api/problem'
import { foundMembersQuery } from './api'
import classes from './Organisation.module.css'
import styles from './Policies.module.css'
import { groupsQuery, labsQuery } from './people'
import { sessionsQuery, useSimulator, type Kind, type Question } from './policies'

interface Props {
  topics: { action: string; kinds: string[] }[]
  /** What holds as if it were saved. */
  draft?: Question['draft']
}

const kinds: Kind[] = ['Tenant', 'Lab', 'Session', 'Group', 'Member']

/** Who, what, on what: allowed or not, and by which policy. Nothing happens. */
export function Simulator({ topics, draft }: Props) {
  const { t } = useTranslation()
  const ask = useSimulator()
  const [user, setUser] = useState<string | null>(null)
  const [action, setAction] = useState('session.start')
  const [chosen, setKind] = useState<Kind>('Lab')
  const [about, setAbout] = useState<string | null>(null)
  const [at, setAt] = useState('')
  const offered = kinds.filter((kind) => topics.find((topic) => topic.action === action)?.kinds.includes(kind))
  const kind = offered.includes(chosen) ? chosen : (offered[offered.length - 1] ?? 'Tenant')
  const change = <T,>(set: (value: T) => void) => {
    return (value: T) => {
      set(value)
      ask.reset()
    }
  }
  return (
    <section className={`${classes.card} ${styles.panel}`} aria-label={t('policies.simulator')}>
      <Title order={2} fz="md" mb={4}>
        {t('policies.simulator')}
      </Title>
      <Text size="sm" c="dimmed" mb="md">
        {draft ? t('policies.simulatorDraft') : t('policies.simulatorText')}
      </Text>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (!user) return
          ask.mutate({ user, action, kind, about: kind === 'Tenant' ? undefined : (about ?? ''), at: at ? new Date(`${at}Z`).toISOString() : undefined, draft })
        }}
      >
        <div className={styles.pickers}>
          <People value={user} onChange={change(setUser)} label={t('policies.who')} />
          <Select
            searchable
            allowDeselect={false}
            label={t('policies.what')}
            data={topics.map((topic) => topic.action)}
            value={action}
            onChange={(value) => value && change(setAction)(value)}
          />
          <Select
            allowDeselect={false}
            label={t('policies.kind')}
            data={offered.map((value) => ({ value, label: t(`policies.kinds.${value}`) }))}
            value={kind}
            onChange={(value) => {
              setAbout(null)
              change(setKind)(kinds.find((one) => one === value) ?? 'Tenant')
            }}
          />
          {kind === 'Lab' && <Labs value={about} onChange={change(setAbout)} label={t('policies.onWhat')} />}
          {kind === 'Member' && <People value={about} onChange={change(setAbout)} label={t('policies.onWhat')} />}
          {kind === 'Group' && <Groups value={about} onChange={change(setAbout)} label={t('policies.onWhat')} />}
          {kind === 'Session' && <Sessions value={about} onChange={change(setAbout)} label={t('policies.onWhat')} />}
          <TextInput type="datetime-local" label={t('policies.at')} value={at} onChange={(event) => change(setAt)(event.currentTarget.value)} />
        </div>
        <Row mt="md" gap="md">
          <Button type="submit" variant="default" disabled={!user || (kind !== 'Tenant' && !about)} loading={ask.isPending}>
            {t('policies.ask')}
          </Button>
        </Row>
      </form>
      <div aria-live="polite">
        {ask.error && (
          <Alert color="red" variant="light" mt="md" role="alert">
            {messageOf(ask.error)}
          </Alert>
        )}
        {ask.data && <Answer answer={ask.data} />}
      </div>
    </section>
  )
}

function Answer({ answer }: { answer: { allowed: boolean; role: string; permits: boolean; policies: { title: string }[] | null; failed?: string } }) {
  const { t } = useTranslation()
  const role = t(`organisation.role.${answer.role as 'owner'}`)
  return (
    <Alert
      mt="md"
      variant="light"
      color={answer.allowed ? 'green' : 'red'}
      icon={answer.allowed ? <IconCircleCheck /> : <IconCircleX />}
      title={answer.allowed ? t('policies.allowed') : t('policies.denied')}
    >
      {answer.permits ? t('policies.rolePermits', { role }) : t('policies.roleDenies', { role })}{' '}
      {answer.allowed && t('policies.noPolicy')}
      {(answer.policies ?? []).map(({ title }) => (
        <div key={title}>{t('policies.forbids', { title })}</div>
      ))}
      {answer.failed && <div>{t('policies.failed', { why: answer.failed })}</div>}
    </Alert>
  )
}

interface PickerProps {
  label: string
  value: string | null
  onChange: (value: string | null) => void
}

function People({ label, value, onChange }: PickerProps) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const [q] = useDebouncedValue(typed.replace(/ \(.*$/, '').trim(), 200)
  const found = useQuery(foundMembersQuery(q))
  return (
    <Select
      searchable
      label={label}
      placeholder={t('groups.find')}
      data={(found.data?.items ?? []).map(({ id, name, email }) => ({ value: id, label: `${name} (${email})` }))}
      filter={({ options }) => options} // the server has searched already
      searchValue={typed}
      onSearchChange={setTyped}
      value={value}
      onChange={onChange}
    />
  )
}

function Labs({ label, value, onChange }: PickerProps) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const [q] = useDebouncedValue(typed.trim(), 200)
  const found = useQuery(labsQuery(value ? '' : q))
  return (
    <Select
      searchable
      label={label}
      placeholder={t('groups.find')}
      data={(found.data?.items ?? []).map(({ slug, title }) => ({ value: slug, label: title }))}
      searchValue={typed}
      onSearchChange={setTyped}
      value={value}
      onChange={onChange}
    />
  )
}

function Groups({ label, value, onChange }: PickerProps) {
  const found = useQuery(groupsQuery())
  return <Select searchable label={label} data={(found.data ?? []).map(({ id, name }) => ({ value: id, label: name }))} value={value} onChange={onChange} />
}

function Sessions({ label, value, onChange }: PickerProps) {
  const found = useQuery(sessionsQuery())
  return (
    <Select
      searchable
      label={label}
      data={(found.data?.items ?? []).map(({ id, lab, learner }) => ({ value: id, label: learner ? `${lab.title}, ${learner.name}` : lab.title }))}
      value={value}
      onChange={onChange}
    />
  )
}
