import { Alert, Badge, Button } from '@mantine/core'
import { IconMail, IconMailForward } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Email } from '@/components/Email'
import { Empty } from '@/components/Empty'
import { Choice } from '@/components/list/Choice'
import { DataList, type Column } from '@/components/list/DataList'
import { useOneInAddress } from '@/components/list/useInAddress'
import { useList } from '@/components/list/useList'
import { notifyError } from '@/components/notify'
import type { OwnMail, SortOf } from '@/lib/api/types'
import { ago, dateTime } from '@/lib/format'
import classes from '../Organisation.module.css'
import { readSent, useSendAgain, type LetterState } from './api'
import { kindName } from './kinds'

const states: LetterState[] = ['queued', 'sent', 'failed', 'bounced']

/** What was sent in the organisation's name, to whom, and how far it is. What stood in it is for its reader alone. */
export function SentMail() {
  const { t } = useTranslation()
  const [state, setState] = useOneInAddress('state', states)
  const [sort, setSort] = useState<SortOf<'/v1/mail'>>('-created')
  const list = useList({
    key: ['organisation', 'mail', 'sent', state, sort],
    read: (cursor, signal) => readSent({ state, sort, cursor }, signal),
  })
  const mailbox = list.first?.mailbox ?? false
  return (
    <DataList
      list={list}
      label={t('letters.sent')}
      title={t('letters.sent')}
      text={t('letters.sentText')}
      columns={columns(t, mailbox)}
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
      note={
        mailbox && (
          <Alert variant="light" mb="md" icon={<IconMail size={18} />}>
            {t('letters.mailbox')}
          </Alert>
        )
      }
      empty={
        <div className={classes.card}>
          <Empty icon={<IconMail size={26} />} title={t('letters.none')} text={t('letters.noneText')} />
        </div>
      }
    />
  )
}

const colours: Record<LetterState, string> = { queued: 'blue', sent: 'green', failed: 'red', bounced: 'red' }

/** Without a mail server what is sent is kept here. */
function stateName(t: TFunction, state: LetterState, mailbox: boolean): string {
  return t(mailbox && state === 'sent' ? 'mail.state.kept' : `mail.state.${state}`)
}

function columns(t: TFunction, mailbox: boolean): Column<OwnMail>[] {
  return [
    { title: t('mail.to'), cell: ({ to }) => <Email>{to}</Email> },
    {
      title: t('letters.letter'),
      cell: ({ kind, locale, subject }) => (
        <>
          {kindName(t, kind)}
          <div className={classes.detail} lang={locale}>
            {subject}
          </div>
        </>
      ),
    },
    {
      title: t('operator.state'),
      cell: ({ state, lastError, attempts }) => (
        <>
          <Badge miw="max-content" variant="light" color={colours[state]}>
            {stateName(t, state, mailbox)}
          </Badge>
          {lastError && (
            <div className={classes.detail}>
              {lastError} {t('letters.tries', { count: attempts })}
            </div>
          )}
        </>
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
    { title: t('list.actions'), kind: 'actions', cell: (item) => item.again && <Again item={item} /> },
  ]
}

function Again({ item: { id, to } }: { item: OwnMail }) {
  const { t } = useTranslation()
  const again = useSendAgain()
  return (
    <Button
      size="xs"
      variant="default"
      leftSection={<IconMailForward size={14} />}
      aria-label={t('letters.againTo', { to })}
      loading={again.isPending}
      onClick={() => again.mutate(id, { onError: notifyError })}
    >
      {t('letters.again')}
    </Button>
  )
}
