import { Button, Group, Skeleton, Text, ThemeIcon } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconAlertTriangle, IconShieldCheck } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Failure } from '@/components/Failure'
import { notifyError } from '@/components/notify'
import card from '@/components/Card.module.css'
import { dateTime } from '@/lib/format'
import { sealsQuery, useVerifyAudit, type AuditSource } from './source'

/** How far the audit log is sealed, and whether it was found to be as it was sealed. */
export function AuditSeals({ source }: { source: AuditSource }) {
  const { t } = useTranslation()
  const seals = useQuery(sealsQuery(source))
  const verify = useVerifyAudit(source)
  if (seals.error && !seals.data) return <Failure error={seals.error} onRetry={() => void seals.refetch()} />
  if (!seals.data) return <Skeleton h={74} mb="md" radius="lg" />
  const { seq, sealedAt, waiting, deleted, verified } = seals.data
  const broken = verified && !verified.intact
  return (
    <div className={`${card.card} ${card.panel}`}>
      <Group justify="space-between" gap="sm">
        <Group gap="sm" wrap="nowrap">
          <ThemeIcon variant="light" size="lg" radius="xl" color={broken ? 'red' : 'green'} aria-hidden>
            {broken ? <IconAlertTriangle size={18} /> : <IconShieldCheck size={18} />}
          </ThemeIcon>
          <div role="status">
            <Text fw={550} size="sm">
              {sealedAt ? t('audit.sealed', { when: dateTime(sealedAt), seq }) : t('audit.unsealed')}
              {waiting > 0 && ` ${t('audit.waiting', { count: waiting })}`}
            </Text>
            <Text size="sm" c={broken ? 'red' : 'dimmed'}>
              {verified ? t(broken ? 'audit.broken' : 'audit.verified', { when: dateTime(verified.at), seq: verified.seq }) : t('audit.unverified')}
              {deleted > 0 && ` ${t('audit.deleted', { count: deleted })}`}
            </Text>
          </div>
        </Group>
        <Button size="xs" variant="default" loading={verify.isPending} onClick={() => verify.mutate(undefined, { onError: notifyError })}>
          {t('audit.verify')}
        </Button>
      </Group>
      {verify.data && verify.data.faults.length > 0 && (
        <ul>
          {verify.data.faults.map((fault, n) => (
            <li key={n}>
              <Text size="sm">{[fault.seal && t('audit.seal', { seq: fault.seal }), fault.entry, fault.problem].filter(Boolean).join(' · ')}</Text>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
