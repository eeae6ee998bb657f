import '@mantine/core/styles/List.layer.css'
import '@mantine/core/styles/PasswordInput.layer.css'
import { Alert, Button, Group, List, PasswordInput, Skeleton, Stack, Text, Textarea, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { Failure } from '@/components/Failure'
import { ButtonLink } from '@/components/links'
import { notifyError } from '@/components/notify'
import { ApiError, messageOf } from '@/lib/api/problem'
import type { Me } from '@/lib/api/types'
import { isOver } from '@/lib/api/workflow'
import { changesQuery, kindClose, useOwnChanges } from './api'
import classes from './Organisation.module.css'
import { OwnWorkflow } from './OwnWorkflow'

/** The end of an organisation, asked for by its owner. */
export function Closing({ me }: { me: Me }) {
  const { t } = useTranslation()
  const changes = useQuery({ ...changesQuery(), retry: false })
  const [asking, setAsking] = useState(false)
  const { reopen } = useOwnChanges()
  if (changes.error && !changes.data) return <Failure error={changes.error} onRetry={() => void changes.refetch()} />
  if (!changes.data) return <Skeleton h={220} radius="lg" />
  const { items, graceDays: days } = changes.data
  const closing = items.find((item) => item.kind === kindClose)
  const other = items.find((item) => item.kind !== kindClose && !isOver(item))
  const open = closing && !isOver(closing) ? closing : undefined
  return (
    <Stack gap="md" maw={820}>
      <Title order={2} fz="lg">
        {t('closing.title')}
      </Title>
      {!open && (
        <section className={`${classes.card} ${classes.panel} ${classes.danger}`} aria-label={t('closing.title')}>
          <Consequences days={days} />
          <Group>
            <Button color="red" disabled={other !== undefined} onClick={() => setAsking(true)}>
              {t('closing.ask')}
            </Button>
            {/* what closes should be taken out first */}
            <ButtonLink to="/organisation" search={{ tab: 'exports' }} variant="default">
              {t('organisation.export')}
            </ButtonLink>
          </Group>
          {other && (
            <Text size="sm" c="dimmed" mt="sm">
              {t('closing.busy', { title: other.title })}
            </Text>
          )}
        </section>
      )}
      {open && (
        <Alert color="red" variant="light" icon={<IconAlertTriangle size={18} />} title={t('closing.closed')} role="status">
          {t('closing.closedText', { count: days })}
        </Alert>
      )}
      {closing && (
        <OwnWorkflow key={closing.id} workflow={closing}>
          {(now) =>
            (now.state === 'waiting' || now.state === 'running') && (
              <Button size="xs" variant="default" loading={reopen.isPending} onClick={() => reopen.mutate(undefined, { onError: notifyError })}>
                {t('workflow.cancel')}
              </Button>
            )
          }
        </OwnWorkflow>
      )}
      {asking && <CloseDialog me={me} days={days} onClose={() => setAsking(false)} />}
    </Stack>
  )
}

function Consequences({ days }: { days: number }) {
  const { t } = useTranslation()
  return (
    <List size="sm" spacing={6} mb="md">
      <List.Item>{t('closing.sessions')}</List.Item>
      <List.Item>{t('closing.members')}</List.Item>
      <List.Item>{t('closing.grace', { count: days })}</List.Item>
      <List.Item>{t('closing.data')}</List.Item>
    </List>
  )
}

const nothing = { name: '', password: '', reason: '' }

function CloseDialog({ me, days, onClose }: { me: Me; days: number; onClose: () => void }) {
  const { t } = useTranslation()
  const { close } = useOwnChanges()
  const [values, setValues] = useState(nothing)
  const field = (name: keyof typeof nothing) => ({
    value: values[name],
    error: close.error instanceof ApiError ? close.error.field(name) : undefined,
    onChange: ({ currentTarget: { value } }: { currentTarget: { value: string } }) => setValues((now) => ({ ...now, [name]: value })),
  })
  const known = close.error instanceof ApiError && close.error.fields.length > 0
  const ready = values.name === me.tenant.name && values.password !== ''
  return (
    <Dialog opened onClose={onClose} size="lg" title={t('closing.askTitle', { title: me.tenant.title })}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          const { reason, ...rest } = values
          if (ready) close.mutate({ ...rest, reason: reason.trim() || undefined }, { onSuccess: onClose })
        }}
      >
        <Stack gap="md">
          <Consequences days={days} />
          <TextInput data-autofocus required label={t('tenants.confirm', { name: me.tenant.name })} autoComplete="off" spellCheck={false} {...field('name')} />
          <input type="hidden" name="username" autoComplete="username" value={me.email} readOnly />
          <PasswordInput required label={t('closing.password')} autoComplete="current-password" {...field('password')} />
          <Textarea label={t('closing.reason')} description={t('closing.reasonText')} autosize minRows={2} maxLength={500} {...field('reason')} />
          {close.error && !known && (
            <Alert color="red" variant="light" role="alert">
              {messageOf(close.error)}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('actions.cancel')}
            </Button>
            <Button type="submit" color="red" disabled={!ready} loading={close.isPending}>
              {t('closing.ask')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
