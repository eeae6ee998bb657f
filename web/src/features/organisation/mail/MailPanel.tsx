import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Combobox.layer.css'
import { Alert, Badge, Select, Skeleton, Stack, Text, Title, UnstyledButton } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Failure } from '@/components/Failure'
import { DataList, type Column } from '@/components/list/DataList'
import { whole } from '@/components/list/useList'
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

type Letter = MailTemplates['items'][number]

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
  const all = useQuery(templatesQuery())
  const kinds = all.data?.kinds ?? []
  const available = new Set(kinds.filter((kind) => kind.available).map(({ kind }) => kind))
  return (
    <div>
      <DataList
        list={whole(all, all.data?.items.filter(({ kind }) => available.has(kind)))}
        label={t('letters.title')}
        title={t('letters.title')}
        text={t('letters.text')}
        note={
          all.data &&
          !all.data.entitled && (
            <Alert color="yellow" variant="light" mb="md" title={t('letters.closed')}>
              {t('letters.closedText')}
            </Alert>
          )
        }
        columns={columns(t, all.data?.languages ?? [], onOpen)}
        rowKey={({ kind, locale }) => `${kind}/${locale}`}
        empty={null}
      />
      {kinds.length > available.size && (
        <Text size="sm" c="dimmed">
          {t('letters.shared')}
        </Text>
      )}
    </div>
  )
}

function columns(t: TFunction, languages: MailTemplates['languages'], onOpen: (address: Address) => void): Column<Letter>[] {
  const language = (locale: string) => languages.find(({ tag }) => tag === locale)?.name
  return [
    {
      title: t('letters.letter'),
      cell: ({ kind, locale, subject }) => (
        <>
          <UnstyledButton
            fw={550}
            fz="sm"
            className={classes.open}
            aria-label={t('letters.open', { letter: kindName(t, kind), language: language(locale) })}
            onClick={() => onOpen({ kind, locale })}
          >
            {kindName(t, kind)}
          </UnstyledButton>
          <div className={classes.detail} lang={locale}>
            {subject}
          </div>
        </>
      ),
    },
    { title: t('letters.in'), cell: ({ locale }) => <span lang={locale}>{language(locale)}</span> },
    {
      title: t('letters.words'),
      cell: ({ problem, own }) => (
        <Badge miw="max-content" variant="light" color={problem ? 'red' : own ? 'green' : 'gray'}>
          {problem ? t('letters.broken') : own ? t('letters.own') : t('letters.program')}
        </Badge>
      ),
    },
    { title: t('policies.changed'), kind: 'short', cell: ({ changedAt }) => changedAt && dateTime(changedAt) },
  ]
}
