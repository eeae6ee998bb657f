import { Alert, Badge, Button, Group as Row, Select, Skeleton, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconChevronRight, IconMail, IconMailForward } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import type { OwnMail } from '@/lib/api/types'
import { ago, dateTime } from '@/lib/format'
import classes from '../Organisation.module.css'
import { sentQuery, useSendAgain, type LetterState } from './api'
import { kindName } from './kinds'

const states: LetterState[] = ['queued', 'sent', 'failed', 'bounced']

/** What was sent in the organisation's name, to whom, and how far it is. What stood in it is for its reader alone. */
export function SentMail() {
  const { t } = useTranslation()
  const [state, setState] = useState<LetterState>()
  const [cursor, setCursor] = useState<string>()
  const list = useQuery(sentQuery(state, cursor))
  return (
    <section aria-labelledby="mail-sent">
      <Row justify="space-between" mb="md" gap="sm" align="flex-end">
        <div className={classes.intro}>
          <Title order={2} fz="lg" mb={4} id="mail-sent">
            {t('letters.sent')}
          </Title>
          <Text size="sm" c="dimmed">
            {t('letters.sentText')}
          </Text>
        </div>
        <Select
          w={150}
          aria-label={t('invite.byState')}
          placeholder={t('letters.anyState')}
          clearable
          data={states.map((value) => ({ value, label: t(`mail.state.${value}`) }))}
          value={state ?? null}
          onChange={(value) => {
            setCursor(undefined)
            setState(value ?? undefined)
          }}
        />
      </Row>
      {list.data?.mailbox && list.data.items.length > 0 && (
        <Alert variant="light" mb="md" icon={<IconMail size={18} />}>
          {t('letters.mailbox')}
        </Alert>
      )}
      {list.error && !list.data && <Failure error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton h={160} radius="lg" />}
      {list.data?.items.length === 0 && (
        <div className={classes.card}>
          <Empty icon={<IconMail size={26} />} title={state ? t('letters.noneOfState') : t('letters.none')} text={t('letters.noneText')} />
        </div>
      )}
      {list.data && list.data.items.length > 0 && <SentTable items={list.data.items} mailbox={list.data.mailbox} />}
      {list.data?.next && (
        <Row justify="flex-end" mt="md">
          <Button size="xs" variant="default" rightSection={<IconChevronRight size={14} />} onClick={() => setCursor(list.data.next)}>
            {t('organisation.more')}
          </Button>
        </Row>
      )}
    </section>
  )
}

const colours: Record<LetterState, string> = { queued: 'blue', sent: 'green', failed: 'red', bounced: 'red' }

function SentTable({ items, mailbox }: { items: OwnMail[]; mailbox: boolean }) {
  const { t } = useTranslation()
  const again = useSendAgain()
  return (
    <div className={classes.card}>
      <Table.ScrollContainer minWidth={640} type="native">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('mail.to')}</Table.Th>
              <Table.Th>{t('letters.letter')}</Table.Th>
              <Table.Th>{t('operator.state')}</Table.Th>
              <Table.Th>{t('mail.when')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((item) => (
              <Table.Tr key={item.id}>
                <Table.Td fw={550} className={classes.name}>
                  {item.to}
                </Table.Td>
                <Table.Td>
                  {kindName(t, item.kind)}
                  <div className={classes.detail} lang={item.locale}>
                    {item.subject}
                  </div>
                </Table.Td>
                <Table.Td>
                  <Badge miw="max-content" variant="light" color={colours[item.state]}>
                    {t(mailbox && item.state === 'sent' ? 'mail.state.kept' : `mail.state.${item.state}`)}
                  </Badge>
                  {item.lastError && (
                    <div className={classes.detail}>
                      {item.lastError} {t('letters.tries', { count: item.attempts })}
                    </div>
                  )}
                  {item.again && (
                    <Button
                      mt={6}
                      size="compact-xs"
                      variant="default"
                      leftSection={<IconMailForward size={14} />}
                      aria-label={t('letters.againTo', { to: item.to })}
                      loading={again.isPending && again.variables === item.id}
                      onClick={() => again.mutate(item.id, { onError: notifyError })}
                    >
                      {t('letters.again')}
                    </Button>
                  )}
                </Table.Td>
                <Table.Td className={classes.number}>
                  <time dateTime={item.createdAt} title={dateTime(item.createdAt)}>
                    {ago(item.createdAt)}
                  </time>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  )
}
