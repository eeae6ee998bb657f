import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/SegmentedControl.layer.css'
import { Alert, Button, Group as Row, SegmentedControl, Skeleton, Stack, Text, Textarea, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { IconArrowLeft, IconArrowBackUp, IconMailForward } from '@tabler/icons-react'
import { useRef, useState, type RefObject } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import { ApiError, messageOf } from '@/lib/api/problem'
import type { MailTemplate } from '@/lib/api/types'
import classes from '../Organisation.module.css'
import { ownParts, previewQuery, shownParts, templateQuery, templatesQuery, useTemplate, type Address, type Parts } from './api'
import { kindName } from './kinds'
import { LetterFrame } from './LetterFrame'
import styles from './Mail.module.css'
import { TemplateHistory } from './TemplateHistory'

/** One letter in one language: its words, what its reader sees, and what it said before. */
export function TemplateEditor({ address, onClose }: { address: Address; onClose: () => void }) {
  const { t } = useTranslation()
  const saved = useQuery(templateQuery(address))
  return (
    <Stack gap="md">
      <Row>
        <Button variant="subtle" size="compact-sm" leftSection={<IconArrowLeft size={16} />} onClick={onClose}>
          {t('letters.all')}
        </Button>
      </Row>
      {saved.error && !saved.data && <Failure error={saved.error} onRetry={() => void saved.refetch()} />}
      {saved.isPending && <Skeleton h={420} radius="lg" />}
      {saved.data && <Form key={saved.data.version} address={address} saved={saved.data} />}
    </Stack>
  )
}

function Form({ address, saved }: { address: Address; saved: MailTemplate }) {
  const { t } = useTranslation()
  const list = useQuery(templatesQuery())
  const { save, reset, test } = useTemplate(address)
  const first = shownParts(saved.parts, saved.default)
  const [parts, setParts] = useState<Parts>(first)
  const [resetting, setResetting] = useState(false)
  const own = ownParts(parts, saved.default)
  const [settled] = useDebouncedValue(own, 400)
  const preview = useQuery(previewQuery(address, settled))
  const changed = parts.subject !== first.subject || parts.text !== first.text || parts.html !== first.html
  const locked = list.data?.entitled === false
  const language = list.data?.languages.find(({ tag }) => tag === address.locale)?.name ?? address.locale
  const problem = preview.error ?? save.error
  return (
    <>
      <div>
        <Title order={2} fz="lg">
          {t('letters.open', { letter: kindName(t, address.kind), language })}
        </Title>
        {saved.problem && (
          <Alert color="red" variant="light" mt="sm" title={t('letters.broken')}>
            {t('letters.brokenText', { problem: saved.problem })}
          </Alert>
        )}
        {locked && (
          <Alert color="yellow" variant="light" mt="sm" title={t('letters.closed')}>
            {t('letters.closedText')}
          </Alert>
        )}
      </div>
      <div className={styles.columns}>
        <form
          onSubmit={(event) => {
            event.preventDefault()
            // The editor of the next version is in this one's place by then: only a promise outlives it. Errors are shown below.
            save.mutateAsync(own).then(
              () => notifications.show({ color: 'green', message: t('letters.saved') }),
              () => undefined,
            )
          }}
        >
          <Fields parts={parts} problem={problem} locale={address.locale} variables={saved.variables} onChange={setParts} />
          {problem && !(problem instanceof ApiError && problem.status === 422) && (
            <Alert color="red" variant="light" role="alert" mt="md">
              {messageOf(problem)}
            </Alert>
          )}
          <Row justify="space-between" mt="md" gap="sm">
            <Button variant="default" leftSection={<IconArrowBackUp size={16} />} disabled={!saved.own} onClick={() => setResetting(true)}>
              {t('letters.reset')}
            </Button>
            <Row gap="sm">
              <Button
                variant="default"
                leftSection={<IconMailForward size={16} />}
                disabled={locked || !!preview.error}
                loading={test.isPending}
                onClick={() =>
                  test.mutate(own, {
                    onSuccess: ({ to }) => notifications.show({ color: 'green', message: t('letters.tested', { to }) }),
                    onError: notifyError,
                  })
                }
              >
                {t('letters.test')}
              </Button>
              <Button type="submit" disabled={locked || !changed || !!preview.error} loading={save.isPending}>
                {t('letters.save')}
              </Button>
            </Row>
          </Row>
        </form>
        <Preview letter={preview.data} stale={!!preview.error} />
      </div>
      <TemplateHistory address={address} locked={locked} />
      <ConfirmDialog
        opened={resetting}
        title={t('letters.resetTitle')}
        text={t('letters.resetText')}
        confirm={t('letters.reset')}
        busy={reset.isPending}
        onClose={() => setResetting(false)}
        onConfirm={() => reset.mutate(undefined, { onSuccess: () => setResetting(false), onError: notifyError })}
      />
    </>
  )
}

interface FieldsProps {
  parts: Parts
  problem: unknown
  locale: string
  variables: MailTemplate['variables']
  onChange: (parts: Parts) => void
}

type Field = HTMLInputElement | HTMLTextAreaElement

function Fields({ parts, problem, locale, variables, onChange }: FieldsProps) {
  const { t } = useTranslation()
  const subject = useRef<HTMLInputElement>(null)
  const text = useRef<HTMLTextAreaElement>(null)
  const html = useRef<HTMLTextAreaElement>(null)
  const [last, setLast] = useState<keyof Parts>('text')
  const wrong = (part: keyof Parts) => (problem instanceof ApiError ? problem.field(part) : undefined)
  const insert = (name: string) => {
    const fields: Record<keyof Parts, RefObject<Field | null>> = { subject, text, html }
    const field = fields[last].current
    const at = field?.selectionStart ?? parts[last].length
    onChange({ ...parts, [last]: parts[last].slice(0, at) + `{{.${name}}}` + parts[last].slice(field?.selectionEnd ?? at) })
    field?.focus()
  }
  return (
    <Stack gap="md">
      <TextInput
        ref={subject}
        label={t('mail.subject')}
        lang={locale}
        value={parts.subject}
        error={wrong('subject')}
        maxLength={200}
        onFocus={() => setLast('subject')}
        onChange={(event) => onChange({ ...parts, subject: event.currentTarget.value })}
      />
      <Textarea
        ref={text}
        className={styles.source}
        label={t('letters.plain')}
        description={t('letters.plainText')}
        lang={locale}
        rows={9}
        value={parts.text}
        error={wrong('text')}
        onFocus={() => setLast('text')}
        onChange={(event) => onChange({ ...parts, text: event.currentTarget.value })}
      />
      <Textarea
        ref={html}
        className={styles.source}
        label={t('letters.html')}
        description={t('letters.htmlText')}
        lang={locale}
        spellCheck={false}
        rows={12}
        value={parts.html}
        error={wrong('html')}
        onFocus={() => setLast('html')}
        onChange={(event) => onChange({ ...parts, html: event.currentTarget.value })}
      />
      <div>
        <Text size="sm" fw={500} mb={2}>
          {t('letters.variables')}
        </Text>
        <Text size="xs" c="dimmed" mb={8}>
          {t('letters.variablesText')}
        </Text>
        <div className={styles.variables}>
          {variables.map(({ name, required }) => (
            <Button key={name} size="compact-sm" variant="default" title={t(`letters.variable.${name as 'link'}`)} onClick={() => insert(name)}>
              {`{{.${name}}}`}
              {required && ' *'}
            </Button>
          ))}
        </div>
      </div>
    </Stack>
  )
}

function Preview({ letter, stale }: { letter?: { subject: string; text: string; html: string }; stale: boolean }) {
  const { t } = useTranslation()
  const [form, setForm] = useState<'html' | 'text'>('html')
  return (
    <section aria-labelledby="letter-preview" aria-busy={!letter}>
      <Row justify="space-between" mb="sm" gap="sm">
        <Title order={3} fz="md" id="letter-preview">
          {t('letters.preview')}
        </Title>
        <SegmentedControl
          size="xs"
          aria-label={t('letters.preview')}
          value={form}
          data={[
            { value: 'html', label: t('letters.html') },
            { value: 'text', label: t('letters.plain') },
          ]}
          onChange={(value) => setForm(value === 'text' ? 'text' : 'html')}
        />
      </Row>
      {letter ? (
        <>
          <Text size="sm" mb="sm" className={classes.name}>
            <b>{letter.subject}</b>
          </Text>
          {form === 'html' ? (
            <LetterFrame html={letter.html} title={t('letters.preview')} />
          ) : (
            <pre className={styles.plain} tabIndex={0} aria-label={t('letters.plain')}>
              {letter.text}
            </pre>
          )}
          <Text size="xs" c="dimmed" mt="xs">
            {stale ? t('letters.stale') : t('letters.sampleText')}
          </Text>
        </>
      ) : (
        <Skeleton h={460} radius="md" />
      )}
    </section>
  )
}
