import { Button, Skeleton, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Failure } from '@/components/Failure'
import { DataList, type Column } from '@/components/list/DataList'
import { whole } from '@/components/list/useList'
import { requests, UsageMeters } from '@/components/UsageMeters'
import type { Usage } from '@/lib/api/types'
import { usageQuery } from './api'
import classes from './Organisation.module.css'
import { ProgramLimitsDialog } from './ProgramLimitsDialog'

export type Program = Usage['programs'][number]

/** What the organisation's API keys and machine clients ask for, against its quotas, and what each of them may. */
export function UsagePanel() {
  const { t } = useTranslation()
  const usage = useQuery(usageQuery())
  const [setting, setSetting] = useState<Program>()
  if (usage.error && !usage.data) return <Failure error={usage.error} onRetry={() => void usage.refetch()} />
  if (!usage.data) return <Skeleton h={180} radius="lg" mt="md" />
  return (
    <section className={`${classes.card} ${classes.panel} ${classes.usage}`}>
      <Title order={2} fz="lg" mb={4}>
        {t('usage.title')}
      </Title>
      <Text size="sm" c="dimmed" mb="md">
        {t('usage.text')}
      </Text>
      <UsageMeters usage={usage.data} />
      {usage.data.programs.length === 0 ? (
        <Text size="sm" c="dimmed" mt="lg">
          {t('usage.none')}
        </Text>
      ) : (
        <div className={classes.below}>
          <DataList
            list={whole(usage, usage.data.programs)}
            label={t('usage.programs')}
            columns={columns(t, setSetting)}
            rowKey={({ id }) => id}
            empty={null}
          />
        </div>
      )}
      {setting && <ProgramLimitsDialog program={setting} onClose={() => setSetting(undefined)} />}
    </section>
  )
}

function columns(t: TFunction, onSet: (program: Program) => void): Column<Program>[] {
  return [
    {
      title: t('usage.program'),
      cell: (program) => (
        <>
          {nameOf(program)}
          <div className={classes.detail}>{t(`usage.kind.${program.kind}`)}</div>
        </>
      ),
    },
    { title: t('usage.today'), kind: 'number', cell: ({ today }) => requests(today) },
    { title: t('usage.thisMonth'), kind: 'number', cell: ({ month }) => requests(month) },
    {
      title: t('usage.ownLimits'),
      cell: ({ limits }) => (
        <span className={classes.detail}>
          <OwnLimits limits={limits} />
        </span>
      ),
    },
    {
      title: t('list.actions'),
      kind: 'actions',
      cell: (program) =>
        program.kind !== 'removed' && (
          <Button size="xs" variant="default" aria-label={t('usage.setOf', { name: nameOf(program) })} onClick={() => onSet(program)}>
            {t('usage.set')}
          </Button>
        ),
    },
  ]
}

function nameOf({ name, id }: Program): string {
  return name ?? id.slice(0, 8)
}

/** The limits that a program can have of its own. */
export const programLimits = ['rate', 'burst', 'dailyRequests', 'monthlyRequests'] as const

function OwnLimits({ limits }: { limits: Program['limits'] }) {
  const { t } = useTranslation()
  if (!limits) return '–'
  return programLimits
    .flatMap((name) => (limits[name] === undefined ? [] : [`${t(`organisation.limit.${name}`)}: ${requests(limits[name])}`]))
    .join(' · ')
}
