import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Combobox.layer.css'
import '@mantine/core/styles/Switch.layer.css'
import { Alert, Button, Group as Row, Select, Skeleton, Stack, Switch, Text, TextInput, UnstyledButton } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { IconArrowLeft, IconTrash } from '@tabler/icons-react'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Conflict } from '@/components/Conflict'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import { ApiError, messageOf } from '@/lib/api/problem'
import { useEdited } from '@/lib/useEdited'
import classes from './Organisation.module.css'
import styles from './Policies.module.css'
import { groupsQuery } from './people'
import { checkQuery, policiesQuery, policyQuery, usePolicies, type PolicyFields } from './policies'
import { PolicyDifference } from './PolicyDifference'
import { PolicyHistory } from './PolicyHistory'
import { Simulator } from './Simulator'

interface Props {
  /** The policy to change; none: a new one that begins with this text. */
  id?: string
  title: string
  text: string
  onClose: () => void
}

/** One policy: its text with every mistake at its line, what it would do, and what it said before. */
export function PolicyEditor({ id, title, text, onClose }: Props) {
  const saved = useQuery({ ...policyQuery(id ?? ''), enabled: id !== undefined })
  if (saved.error && !saved.data) return <Failure error={saved.error} onRetry={() => void saved.refetch()} />
  if (id && !saved.data) return <Skeleton h={420} radius="lg" />
  return <Form id={id} saved={saved.data} first={saved.data ?? { title, text, enabled: true }} onClose={onClose} />
}

/** As it was read, with its version. */
type SavedPolicy = PolicyFields & { etag: string }

/** A saved policy has more in it than is written and sent. */
const written = ({ title, text, enabled }: PolicyFields): PolicyFields => ({ title, text, enabled })

interface FormProps {
  id?: string
  saved: SavedPolicy | undefined
  first: PolicyFields
  onClose: () => void
}

function Form({ id, saved, first, onClose }: FormProps) {
  const { t } = useTranslation()
  const { save, remove } = usePolicies()
  const topics = useQuery(policiesQuery())
  const { mine, base, changed, theirs, set, takeTheirs, keepMine } = useEdited(written(first), saved && { draft: written(saved), version: saved.etag })
  const etag = base?.version
  const { title, text, enabled } = mine
  const [removing, setRemoving] = useState(false)
  const [settled] = useDebouncedValue(text, 400)
  const checked = useQuery(checkQuery(settled))
  const problems = text.trim() === '' ? [] : (checked.data?.problems ?? [])
  const titleError = save.error instanceof ApiError ? save.error.field('title') : undefined
  const choose = (choice: () => void) => () => {
    save.reset() // what was refused is answered by the choice
    choice()
  }
  return (
    <Stack gap="xl">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate({ id, etag, fields: mine }, { onSuccess: () => !id && onClose() })
        }}
      >
        <Stack gap="md">
          <Row>
            <Button variant="subtle" size="compact-sm" leftSection={<IconArrowLeft size={16} />} onClick={onClose}>
              {t('policies.all')}
            </Button>
          </Row>
          <TextInput
            label={t('policies.name')}
            description={t('policies.nameText')}
            value={title}
            error={titleError}
            required
            withAsterisk={false}
            maxLength={100}
            data-autofocus
            onChange={(event) => set({ title: event.currentTarget.value })}
          />
          <Code text={text} problems={problems} onChange={(next) => set({ text: next })} />
          {theirs && (
            <Conflict title={t('policies.conflict')} text={t('policies.conflictText', { title: theirs.title })} onTheirs={choose(takeTheirs)} onMine={choose(keepMine)}>
              <PolicyDifference before={theirs.text} after={mine.text} label={t('policies.conflictDifference')} />
            </Conflict>
          )}
          {save.error && !titleError && !theirs && (
            <Alert color="red" variant="light" role="alert">
              {messageOf(save.error)}
            </Alert>
          )}
          <Row justify="space-between" gap="sm">
            <Switch label={t('policies.enabled')} checked={enabled} onChange={(event) => set({ enabled: event.currentTarget.checked })} />
            <Row gap="sm">
              {id && (
                <Button variant="default" leftSection={<IconTrash size={16} />} onClick={() => setRemoving(true)}>
                  {t('policies.remove')}
                </Button>
              )}
              <Button type="submit" disabled={!changed || theirs !== undefined} loading={save.isPending}>
                {t('policies.save')}
              </Button>
            </Row>
          </Row>
        </Stack>
      </form>
      {topics.data && <Simulator topics={topics.data.topics} draft={{ replaces: id, title: title.trim() || t('policies.draft'), text }} />}
      {id && <PolicyHistory id={id} />}
      {id && (
        <ConfirmDialog
          opened={removing}
          title={t('policies.removeTitle', { title: saved?.title })}
          text={t('policies.removeText')}
          confirm={t('policies.remove')}
          busy={remove.isPending}
          onClose={() => setRemoving(false)}
          onConfirm={() => remove.mutate(id, { onSuccess: onClose, onError: notifyError })}
        />
      )}
    </Stack>
  )
}

interface CodeProps {
  text: string
  problems: { line: number; column: number; message: string }[]
  onChange: (text: string) => void
}

/** The text with numbered lines; a mistake is named below, and its button goes to its place. */
function Code({ text, problems, onChange }: CodeProps) {
  const { t } = useTranslation()
  const area = useRef<HTMLTextAreaElement>(null)
  const groups = useQuery(groupsQuery())
  const lines = text.split('\n')
  const wrong = new Set(problems.map(({ line }) => line))
  const insert = (what: string) => {
    const at = area.current?.selectionStart ?? text.length
    onChange(text.slice(0, at) + what + text.slice(area.current?.selectionEnd ?? at))
    area.current?.focus()
  }
  const goTo = (line: number, column: number) => {
    const at = lines.slice(0, line - 1).reduce((sum, { length }) => sum + length + 1, 0) + column - 1
    area.current?.focus()
    area.current?.setSelectionRange(at, at)
  }
  return (
    <div>
      <Row justify="space-between" align="flex-end" mb={6} gap="sm">
        <div className={classes.intro}>
          <Text size="sm" fw={500} component="label" htmlFor="policy-text">
            {t('policies.code')}
          </Text>
          <Text size="xs" c="dimmed" id="policy-help">
            {t('policies.codeText')}
          </Text>
        </div>
        <Select
          size="xs"
          searchable
          aria-label={t('policies.insert')}
          placeholder={t('policies.insert')}
          value={null}
          data={(groups.data ?? []).map(({ id, name }) => ({ value: id, label: name }))}
          onChange={(group) => group && insert(`Group::"${group}"`)}
        />
      </Row>
      <div className={styles.code}>
        <div className={styles.lines} aria-hidden>
          {lines.map((_, n) => (
            <div key={n} className={wrong.has(n + 1) ? styles.wrong : undefined}>
              {n + 1}
            </div>
          ))}
        </div>
        <textarea
          ref={area}
          id="policy-text"
          aria-describedby="policy-help policy-problems"
          aria-invalid={problems.length > 0}
          rows={Math.max(lines.length, 8)}
          value={text}
          maxLength={8192}
          spellCheck={false}
          autoCapitalize="off"
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      </div>
      <ul className={styles.problems} id="policy-problems" aria-live="polite">
        {problems.map(({ line, column, message }) => (
          <li key={`${line}:${column}:${message}`}>
            <UnstyledButton fz={13} c="red" onClick={() => goTo(line, column)} aria-label={t('policies.goTo', { line, column, message })}>
              <b>{t('policies.line', { line })}</b> {message}
            </UnstyledButton>
          </li>
        ))}
      </ul>
    </div>
  )
}
