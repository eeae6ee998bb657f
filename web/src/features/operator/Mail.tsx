import { Alert, Badge, Button, Code, Group, Skeleton, Text, UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconMail } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { Email } from '@/components/Email'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { Choice } from '@/components/list/Choice'
import { DataList, type Column } from '@/components/list/DataList'
import { useOneInAddress } from '@/components/list/useInAddress'
import { useList } from '@/components/list/useList'
import { notifyError } from '@/components/notify'
import type { MailMessage, SortOf } from '@/lib/api/types'
import { ago, dateTime } from '@/lib/format'
import classes from './Operator.module.css'
import { messageQuery, readMail, useRetryMail } from './tenants'

type State = MailMessage['state']

const states: State[] = ['queued', 'sent', 'failed', 'bounced']

/** What the installation has sent, or keeps here because no mail server is set. */
export function Mail() {
  const { t } = useTranslation()
  const [state, setState] = useOneInAddress('state', states)
  const [sort, setSort] = useState<SortOf<'/v1/operator/mail'>>('-created')
  const list = useList({
    key: ['operator', 'mail', 'list', state, sort],
    read: (cursor, signal) => readMail({ state, sort, cursor }, signal),
    every: 5000,
  })
  const [open, setOpen] = useState<MailMessage>()
  const mode = list.first?.mode
  const mailbox = mode?.transport === 'mailbox'
  return (
    <>
      <DataList
        list={list}
        label={t('mail.title')}
        title={t('mail.title')}
        above={
          mode && (
            <Alert variant="light" icon={<IconMail size={18} />}>
              {mode.server ? t('mail.server', { server: mode.server }) : t('mail.mailbox')}
            </Alert>
          )
        }
        columns={columns(t, mailbox, setOpen)}
        rowKey={({ id }) => id}
        sort={sort}
        onSort={setSort}
        filters={
          <Choice
            label={t('letters.byState')}
            any={t('list.all')}
            values={states.map((value) => ({ value, label: stateName(t, value, mailbox) }))}
            value={state}
            onChange={setState}
          />
        }
        onClear={state && (() => setState(undefined))}
        empty={<Empty icon={<IconMail size={26} />} title={t('mail.none')} text={t('mail.noneText')} />}
      />
      {open && <Message message={open} onClose={() => setOpen(undefined)} />}
    </>
  )
}

const colours: Record<State, string> = { queued: 'blue', sent: 'green', failed: 'red', bounced: 'red' }

/** Without a mail server nothing leaves the installation: what is sent is kept here. */
function stateName(t: TFunction, state: State, mailbox: boolean): string {
  return t(mailbox && state === 'sent' ? 'mail.state.kept' : `mail.state.${state}`)
}

function columns(t: TFunction, mailbox: boolean, onOpen: (message: MailMessage) => void): Column<MailMessage>[] {
  return [
    {
      title: t('mail.subject'),
      cell: (message) => (
        <UnstyledButton fw={550} fz="sm" onClick={() => onOpen(message)} className={classes.open}>
          {message.subject}
        </UnstyledButton>
      ),
    },
    { title: t('mail.to'), kind: 'long', cell: ({ to }) => <Email>{to}</Email> },
    {
      title: t('operator.state'),
      cell: ({ state }) => (
        <Badge miw="max-content" variant="light" color={colours[state]}>
          {stateName(t, state, mailbox)}
        </Badge>
      ),
    },
    {
      title: t('mail.when'),
      kind: 'short',
      sort: 'created',
      cell: ({ createdAt }) => (
        <time dateTime={createdAt} title={dateTime(createdAt)}>
          {ago(createdAt)}
        </time>
      ),
    },
  ]
}

function Message({ message, onClose }: { message: MailMessage; onClose: () => void }) {
  const { t } = useTranslation()
  const whole = useQuery(messageQuery(message.id))
  const retry = useRetryMail()
  const failed = message.state === 'failed' || message.state === 'bounced'
  return (
    <Dialog opened onClose={onClose} title={message.subject} size="lg" centered>
      <Text size="sm" c="dimmed" mb="sm">
        {t('mail.to')}: {message.to}
      </Text>
      {whole.isPending && <Skeleton h={240} radius="md" />}
      {whole.error && <Failure error={whole.error} onRetry={() => void whole.refetch()} />}
      {whole.data?.text ? (
        <Code block className={classes.link}>
          {whole.data.text}
        </Code>
      ) : (
        whole.data && <Text size="sm">{whole.data.withheld ?? t('mail.gone')}</Text>
      )}
      {whole.data?.lastError && (
        <Alert color="red" variant="light" mt="md">
          {whole.data.lastError}
        </Alert>
      )}
      {failed && (
        <Group justify="flex-end" mt="md">
          <Button loading={retry.isPending} onClick={() => retry.mutate(message.id, { onSuccess: onClose, onError: notifyError })}>
            {t('errors.retry')}
          </Button>
        </Group>
      )}
    </Dialog>
  )
}
