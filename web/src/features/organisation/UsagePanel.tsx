import '@mantine/core/styles/Table.layer.css'
import { Button, Skeleton, Table, Text, Title, VisuallyHidden } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Failure } from '@/components/Failure'
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
        <Programs programs={usage.data.programs} onSet={setSetting} />
      )}
      {setting && <ProgramLimitsDialog program={setting} onClose={() => setSetting(undefined)} />}
    </section>
  )
}

function Programs({ programs, onSet }: { programs: Program[]; onSet: (program: Program) => void }) {
  const { t } = useTranslation()
  return (
    <Table.ScrollContainer minWidth={560} type="native" mt="lg">
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('usage.program')}</Table.Th>
            <Table.Th ta="right">{t('usage.today')}</Table.Th>
            <Table.Th ta="right">{t('usage.thisMonth')}</Table.Th>
            <Table.Th>{t('usage.ownLimits')}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{t('sessions.actions')}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {programs.map((program) => {
            const name = program.name ?? program.id.slice(0, 8)
            return (
              <Table.Tr key={program.id}>
                <Table.Td>
                  <div className={classes.name}>{name}</div>
                  <div className={classes.detail}>{t(`usage.kind.${program.kind}`)}</div>
                </Table.Td>
                <Table.Td ta="right" className={classes.number}>
                  {requests(program.today)}
                </Table.Td>
                <Table.Td ta="right" className={classes.number}>
                  {requests(program.month)}
                </Table.Td>
                <Table.Td className={classes.detail}>
                  <OwnLimits limits={program.limits} />
                </Table.Td>
                <Table.Td ta="right">
                  {program.kind !== 'removed' && (
                    <Button size="xs" variant="default" aria-label={t('usage.setOf', { name })} onClick={() => onSet(program)}>
                      {t('usage.set')}
                    </Button>
                  )}
                </Table.Td>
              </Table.Tr>
            )
          })}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
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
