import '@mantine/core/styles/Code.layer.css'
import { Alert, Badge, Button, Code, CopyButton, Group, Text, TextInput, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { IconAt, IconCheck, IconCopy, IconPlus, IconRefresh, IconTrash } from '@tabler/icons-react'
import { useState, type SubmitEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Dialog } from '@/components/Dialog'
import { Empty } from '@/components/Empty'
import { ListFrame } from '@/components/list/ListFrame'
import { whole } from '@/components/list/useList'
import { notifyError } from '@/components/notify'
import { ApiError, messageOf } from '@/lib/api/problem'
import type { Domain } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import { domainsQuery, useDomains } from './api'
import classes from './Organisation.module.css'

/** The organisation's e-mail domains: what to put into DNS, and what was found there. */
export function Domains() {
  const { t } = useTranslation()
  const all = useQuery(domainsQuery())
  const [adding, setAdding] = useState(false)
  const [leaving, setLeaving] = useState<Domain>()
  const { remove } = useDomains()
  const plans = new Intl.ListFormat(undefined, { type: 'disjunction' }).format(all.data?.plans ?? [])
  const { allowed = true, most = Infinity } = all.data ?? {}
  const count = all.data?.items.length ?? 0
  const add = (
    <Button leftSection={<IconPlus size={16} />} disabled={count >= most} onClick={() => setAdding(true)}>
      {t('organisation.domain.add')}
    </Button>
  )
  return (
    <>
      <ListFrame
        list={whole(all, all.data?.items)}
        label={t('organisation.domain.title')}
        title={t('organisation.domain.title')}
        text={t('organisation.domain.text')}
        action={allowed && count > 0 && add}
        note={<Notes allowed={allowed} plans={plans} full={count >= most ? most : undefined} />}
        empty={
          allowed ? (
            <Empty icon={<IconAt size={26} />} title={t('organisation.domain.none')} text={t('organisation.domain.noneText')}>
              {add}
            </Empty>
          ) : (
            <Empty icon={<IconAt size={26} />} title={t('organisation.domain.closed')} text={t('organisation.domain.closedText', { plans })} />
          )
        }
      >
        {(items) => (
          <ul className={classes.cards}>
            {items.map((domain) => (
              <DomainCard key={domain.id} domain={domain} allowed={allowed} onRemove={() => setLeaving(domain)} />
            ))}
          </ul>
        )}
      </ListFrame>
      {adding && <AddDialog onClose={() => setAdding(false)} />}
      <ConfirmDialog
        opened={leaving !== undefined}
        title={t('organisation.domain.removeTitle', { domain: leaving?.shown })}
        text={t('organisation.domain.removeText')}
        confirm={t('organisation.domain.remove')}
        busy={remove.isPending}
        onClose={() => setLeaving(undefined)}
        onConfirm={() => leaving && remove.mutate(leaving.id, { onSuccess: () => setLeaving(undefined), onError: notifyError })}
      />
    </>
  )
}

/** What holds for all domains: that the plan has none any more, or that there is room for no more. */
function Notes({ allowed, plans, full }: { allowed: boolean; plans: string; full: number | undefined }) {
  const { t } = useTranslation()
  return (
    <>
      {!allowed && (
        <Alert color="yellow" variant="light" mb="md" title={t('organisation.domain.closed')}>
          {t('organisation.domain.idleText', { plans })}
        </Alert>
      )}
      {full !== undefined && (
        <Text size="sm" c="dimmed" mb="md">
          {t('organisation.domain.full', { most: full })}
        </Text>
      )}
    </>
  )
}

function AddDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const [domain, setDomain] = useState('')
  const { add } = useDomains()
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    add.mutate(domain, { onSuccess: onClose })
  }
  const wrong = add.error instanceof ApiError ? add.error.field('domain') : undefined
  return (
    <Dialog opened onClose={onClose} title={t('organisation.domain.add')} centered>
      <form onSubmit={submit}>
        <TextInput
          data-autofocus
          required
          withAsterisk={false}
          label={t('organisation.domain.field')}
          description={t('organisation.domain.fieldText')}
          placeholder="example.com"
          autoCapitalize="none"
          autoComplete="off"
          spellCheck={false}
          maxLength={254}
          value={domain}
          error={wrong ?? (add.error && messageOf(add.error))}
          onChange={({ currentTarget: { value } }) => setDomain(value)}
        />
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={onClose}>
            {t('actions.cancel')}
          </Button>
          <Button type="submit" loading={add.isPending}>
            {t('organisation.domain.add')}
          </Button>
        </Group>
      </form>
    </Dialog>
  )
}

const colours = { pending: 'yellow', proved: 'green', failing: 'red', lost: 'gray' } as const

interface CardProps {
  domain: Domain
  allowed: boolean
  onRemove: () => void
}

function DomainCard({ domain, allowed, onRemove }: CardProps) {
  const { t } = useTranslation()
  const [open, setOpen] = useState(false)
  const { check } = useDomains()
  const settled = domain.state === 'proved'
  const look = () =>
    check.mutate(domain.id, {
      onError: notifyError,
      onSuccess: ({ state }) => {
        if (state !== 'proved') return
        notifications.show({
          color: 'green',
          title: t('organisation.domain.proved', { domain: domain.shown }),
          message: t('organisation.domain.provedText'),
        })
      },
    })
  return (
    <li className={`${classes.card} ${classes.panel}`}>
      <Group justify="space-between" align="flex-start" gap="sm">
        <div className={classes.intro}>
          <Group gap="sm">
            <Title order={3} fz="md" className={classes.name}>
              {domain.shown}
            </Title>
            <Badge variant={domain.state === 'failing' ? 'filled' : 'light'} color={colours[domain.state]}>
              {t(`organisation.domain.state.${domain.state}`)}
            </Badge>
          </Group>
          <Text size="sm" c="dimmed" mt={2}>
            {[
              domain.provedAt && t('organisation.domain.since', { when: dateTime(domain.provedAt) }),
              domain.checkedAt ? t('organisation.domain.checked', { when: dateTime(domain.checkedAt) }) : t('organisation.domain.unchecked'),
            ]
              .filter(Boolean)
              .join(' · ')}
          </Text>
        </div>
        <Group gap="xs">
          {allowed && (
            <Button
              size="xs"
              variant={settled ? 'default' : 'light'}
              leftSection={<IconRefresh size={14} />}
              loading={check.isPending}
              aria-label={t('organisation.domain.checkOf', { domain: domain.shown })}
              onClick={look}
            >
              {t('organisation.domain.check')}
            </Button>
          )}
          <Button
            size="xs"
            variant="default"
            leftSection={<IconTrash size={14} />}
            aria-label={t('organisation.domain.removeTitle', { domain: domain.shown })}
            onClick={onRemove}
          >
            {t('organisation.domain.remove')}
          </Button>
        </Group>
      </Group>
      <div role="status">
        {domain.problem && (
          <Text size="sm" mt="sm">
            {domain.problem}
          </Text>
        )}
        {domain.failingSince && domain.lostAfter && (
          <Text size="sm" mt={4} fw={550}>
            {t('organisation.domain.lostAfter', { since: dateTime(domain.failingSince), end: dateTime(domain.lostAfter) })}
          </Text>
        )}
      </div>
      {settled && !open ? (
        <Button size="compact-xs" variant="subtle" mt="xs" ml={-8} onClick={() => setOpen(true)}>
          {t('organisation.domain.showRecord')}
        </Button>
      ) : (
        <RecordBox domain={domain} />
      )}
    </li>
  )
}

function RecordBox({ domain }: { domain: Domain }) {
  const { t } = useTranslation()
  return (
    <div className={classes.record}>
      <Text size="sm" mb="xs">
        {t('organisation.domain.record', { domain: domain.shown })}
      </Text>
      <dl>
        {(['name', 'value'] as const).map((part) => (
          <div key={part}>
            <dt>{t(`organisation.domain.${part}`)}</dt>
            <dd>
              <Code>{domain.record[part]}</Code>
              <CopyButton value={domain.record[part]} timeout={1500}>
                {({ copied, copy }) => (
                  <Button
                    size="compact-xs"
                    variant="default"
                    leftSection={copied ? <IconCheck size={13} /> : <IconCopy size={13} />}
                    aria-label={t('organisation.domain.copyOf', { part: t(`organisation.domain.${part}`).toLowerCase(), domain: domain.shown })}
                    onClick={copy}
                  >
                    {copied ? t('organisation.domain.copied') : t('organisation.domain.copy')}
                  </Button>
                )}
              </CopyButton>
            </dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
