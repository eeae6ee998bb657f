import { Alert, Badge, Button, Code, Group, Skeleton, Table, Text, UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconMail } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import type { MailMessage } from '@/lib/api/types'
import { ago, dateTime } from '@/lib/format'
import classes from './Operator.module.css'
import { mailQuery, messageQuery, useRetryMail } from './tenants'

/** What the installation has sent, or keeps here because no mail server is set. */
export function Mail() {
  const { t } = useTranslation()
  const list = useQuery(mailQuery())
  const [open, setOpen] = useState<MailMessage>()
  if (list.error && !list.data) return <Failure error={list.error} onRetry={() => void list.refetch()} />
  if (!list.data) return <Skeleton h={220} radius="lg" />
  return (
    <>
      <Alert variant="light" mb="md" icon={<IconMail size={18} />}>
        {list.data.mode.server ? t('mail.server', { server: list.data.mode.server }) : t('mail.mailbox')}
      </Alert>
      {list.data.items.length === 0 ? (
        <Empty icon={<IconMail size={26} />} title={t('mail.none')} text={t('mail.noneText')} />
      ) : (
        <MailTable items={list.data.items} mailbox={list.data.mode.transport === 'mailbox'} onOpen={setOpen} />
      )}
      {open && <Message message={open} onClose={() => setOpen(undefined)} />}
    </>
  )
}

const colours: Partial<Record<MailMessage['state'], string>> = { sent: 'green', failed: 'red', bounced: 'red' }

interface TableProps {
  items: MailMessage[]
  /** Nothing leaves the installation: what is sent stays here. */
  mailbox: boolean
  onOpen: (message: MailMessage) => void
}

function MailTable({ items, mailbox, onOpen }: TableProps) {
  const { t } = useTranslation()
  return (
    <div className={classes.card}>
      <Table.ScrollContainer minWidth={640} type="native">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('mail.subject')}</Table.Th>
              <Table.Th>{t('mail.to')}</Table.Th>
              <Table.Th>{t('operator.state')}</Table.Th>
              <Table.Th>{t('mail.when')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((message) => (
              <Table.Tr key={message.id}>
                <Table.Td>
                  <UnstyledButton fw={550} fz="sm" onClick={() => onOpen(message)} className={classes.open}>
                    {message.subject}
                  </UnstyledButton>
                </Table.Td>
                <Table.Td>{message.to}</Table.Td>
                <Table.Td>
                  <Badge variant="light" color={colours[message.state] ?? 'gray'}>
                    {t(mailbox && message.state === 'sent' ? 'mail.state.kept' : `mail.state.${message.state}`)}
                  </Badge>
                </Table.Td>
                <Table.Td>
                  <time dateTime={message.createdAt} title={dateTime(message.createdAt)}>
                    {ago(message.createdAt)}
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
