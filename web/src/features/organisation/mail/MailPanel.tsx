import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Combobox.layer.css'
import '@mantine/core/styles/Table.layer.css'
import { Alert, Badge, Select, Skeleton, Stack, Table, Text, Title, UnstyledButton } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import type { MailTemplates } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import classes from '../Organisation.module.css'
import { localeQuery, templatesQuery, useLocale, type Address } from './api'
import { kindName } from './kinds'
import styles from './Mail.module.css'
import { SentMail } from './SentMail'
import { TemplateEditor } from './TemplateEditor'

/** An organisation's letters: their language, their words, and what became of those that were sent. */
export function MailPanel() {
  const [open, setOpen] = useState<Address>()
  if (open) return <TemplateEditor address={open} onClose={() => setOpen(undefined)} />
  return (
    <Stack gap={32}>
      <Language />
      <Letters onOpen={setOpen} />
      <SentMail />
    </Stack>
  )
}

const installation = '-'

function Language() {
  const { t } = useTranslation()
  const known = useQuery(localeQuery())
  const choose = useLocale()
  if (known.error && !known.data) return <Failure error={known.error} onRetry={() => void known.refetch()} />
  if (!known.data) return <Skeleton h={120} radius="lg" />
  const { locale, languages } = known.data
  const fallback = languages.find(({ tag }) => tag === known.data.default)?.name ?? known.data.default
  return (
    <section className={`${classes.card} ${styles.panel}`} aria-labelledby="mail-language">
      <Title order={2} fz="md" mb={4} id="mail-language">
        {t('letters.language')}
      </Title>
      <Text size="sm" c="dimmed" mb="md">
        {t('letters.languageText')}
      </Text>
      <Select
        maw={320}
        allowDeselect={false}
        aria-label={t('letters.language')}
        disabled={choose.isPending}
        value={locale || installation}
        data={[{ value: installation, label: t('letters.languageOf', { name: fallback }) }, ...languages.map(({ tag, name }) => ({ value: tag, label: name }))]}
        onChange={(value) =>
          choose.mutate(value === installation || value === null ? '' : value, {
            onSuccess: () => notifications.show({ color: 'green', message: t('letters.languageSaved') }),
            onError: notifyError,
          })
        }
      />
    </section>
  )
}

function Letters({ onOpen }: { onOpen: (address: Address) => void }) {
  const { t } = useTranslation()
  const list = useQuery(templatesQuery())
  return (
    <section aria-labelledby="mail-letters">
      <Title order={2} fz="lg" mb={4} id="mail-letters">
        {t('letters.title')}
      </Title>
      <Text size="sm" c="dimmed" mb="md">
        {t('letters.text')}
      </Text>
      {list.error && !list.data && <Failure error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton h={160} radius="lg" />}
      {list.data && !list.data.entitled && (
        <Alert color="yellow" variant="light" mb="md" title={t('letters.closed')}>
          {t('letters.closedText')}
        </Alert>
      )}
      {list.data && <LetterTable list={list.data} onOpen={onOpen} />}
      {list.data?.kinds.some(({ available }) => !available) && (
        <Text size="sm" c="dimmed" mt="sm">
          {t('letters.shared')}
        </Text>
      )}
    </section>
  )
}

function LetterTable({ list, onOpen }: { list: MailTemplates; onOpen: (address: Address) => void }) {
  const { t } = useTranslation()
  const available = new Set(list.kinds.filter((kind) => kind.available).map(({ kind }) => kind))
  const names = new Map(list.languages.map(({ tag, name }) => [tag, name]))
  return (
    <div className={classes.card}>
      <Table.ScrollContainer minWidth={560} type="native">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('letters.letter')}</Table.Th>
              <Table.Th>{t('letters.in')}</Table.Th>
              <Table.Th>{t('letters.words')}</Table.Th>
              <Table.Th>{t('policies.changed')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {list.items
              .filter(({ kind }) => available.has(kind))
              .map((item) => (
                <Table.Tr key={`${item.kind}/${item.locale}`}>
                  <Table.Td>
                    <UnstyledButton
                      fw={550}
                      fz="sm"
                      className={classes.open}
                      aria-label={t('letters.open', { letter: kindName(t, item.kind), language: names.get(item.locale) })}
                      onClick={() => onOpen({ kind: item.kind, locale: item.locale })}
                    >
                      {kindName(t, item.kind)}
                    </UnstyledButton>
                    <div className={classes.detail}>{item.subject}</div>
                  </Table.Td>
                  <Table.Td lang={item.locale}>{names.get(item.locale)}</Table.Td>
                  <Table.Td>
                    <Badge miw="max-content" variant="light" tt="none" color={item.problem ? 'red' : item.own ? 'green' : 'gray'}>
                      {item.problem ? t('letters.broken') : item.own ? t('letters.own') : t('letters.program')}
                    </Badge>
                  </Table.Td>
                  <Table.Td className={classes.detail}>{item.changedAt ? dateTime(item.changedAt) : '–'}</Table.Td>
                </Table.Tr>
              ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  )
}
