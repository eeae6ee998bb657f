import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Code.layer.css'
import '@mantine/core/styles/Table.layer.css'
import { Alert, Button, Code, Group, Skeleton, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconAlertTriangle, IconArrowLeft } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Failure } from '@/components/Failure'
import { TextLink } from '@/components/links'
import { PageHeader } from '@/components/PageHeader'
import type { Tenant } from '@/lib/api/types'
import { dateTime, day } from '@/lib/format'
import { ChangeDialog, type Asked } from './ChangeDialog'
import classes from './Operator.module.css'
import { Inside, InsideBanner } from './Inside'
import { Limits } from './Limits'
import { Ownerless } from './Ownerless'
import { TenantExports } from './TenantExports'
import { TenantUsage } from './TenantUsage'
import { TenantStatus } from './Tenants'
import { proofQuery, tenantQuery, workflowsQuery } from './tenants'
import { WorkflowCard } from './WorkflowCard'

/** One organisation as the provider sees it: where it stands, and everything that can be done with it. */
export function TenantPage({ id }: { id: string }) {
  const { t } = useTranslation()
  const tenant = useQuery(tenantQuery(id))
  const [asked, setAsked] = useState<Asked>()
  if (tenant.error && !tenant.data) return <Failure error={tenant.error} onRetry={() => void tenant.refetch()} order={1} />
  if (!tenant.data) return <Skeleton h={320} radius="lg" />
  return (
    <>
      <TextLink to="/operator" search={{ tab: 'tenants' }} size="sm">
        <Group gap={4} component="span" mb="xs">
          <IconArrowLeft size={14} aria-hidden /> {t('tenants.all')}
        </Group>
      </TextLink>
      <PageHeader title={tenant.data.title} text={tenant.data.name}>
        <Actions tenant={tenant.data} onAsk={setAsked} />
      </PageHeader>
      <InsideBanner tenant={tenant.data} />
      {tenant.data.reason && (
        <Alert icon={<IconAlertTriangle size={18} />} color="yellow" variant="light" mb="md" title={t('tenants.told')}>
          {tenant.data.reason}
        </Alert>
      )}
      {tenant.data.status === 'active' && tenant.data.owners === 0 && tenant.data.name !== defaultName && <Ownerless tenant={tenant.data} />}
      <Facts tenant={tenant.data} />
      {tenant.data.status === 'purged' && <Proof id={id} />}
      <Changes id={id} />
      {tenant.data.status !== 'purged' && <TenantUsage id={id} />}
      {tenant.data.status !== 'purged' && <Limits id={id} />}
      {tenant.data.status !== 'purged' && <TenantExports tenant={tenant.data} />}
      {(tenant.data.status === 'active' || tenant.data.status === 'suspended') && <Inside tenant={tenant.data} />}
      {asked && <ChangeDialog tenant={tenant.data} asked={asked} onClose={() => setAsked(undefined)} />}
    </>
  )
}

function Facts({ tenant }: { tenant: Tenant }) {
  const { t } = useTranslation()
  const facts: [string, React.ReactNode][] = [
    [t('tenants.statusTitle'), <TenantStatus key="status" status={tenant.status} />],
    [t('tenants.tier'), tenant.tier],
    [t('tenants.placementTitle'), t(`tenants.placement.${tenant.placement}`)],
    [t('tenants.schema'), tenant.schemaVersion || t('tenants.upToDate')],
    [t('tenants.members'), tenant.members],
    [t('tenants.running'), tenant.sessions],
    [t('tenants.since'), day(tenant.createdAt)],
  ]
  if (tenant.purgeAfter) facts.push([t('tenants.purgeAfter'), dateTime(tenant.purgeAfter)])
  return (
    <dl className={`${classes.card} ${classes.facts}`}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** The default organisation belongs to the installation: only its tier can change. */
const defaultName = 'default'

function Actions({ tenant, onAsk }: { tenant: Tenant; onAsk: (asked: Asked) => void }) {
  const { t } = useTranslation()
  const open = tenant.status === 'active' || tenant.status === 'suspended'
  if (!open || tenant.name === defaultName) return null
  return (
    <Group gap="xs">
      {tenant.status === 'active' ? (
        <Button variant="default" onClick={() => onAsk('suspend')}>
          {t('tenants.do.suspend')}
        </Button>
      ) : (
        <Button onClick={() => onAsk('resume')}>{t('tenants.do.resume')}</Button>
      )}
      <Button variant="default" onClick={() => onAsk('tier')}>
        {t('tenants.do.tier')}
      </Button>
      <Button variant="default" onClick={() => onAsk('move')}>
        {t(tenant.placement === 'pool' ? 'tenants.do.toSilo' : 'tenants.do.toPool')}
      </Button>
      <Button variant="light" color="red" onClick={() => onAsk('offboard')}>
        {t('tenants.do.offboard')}
      </Button>
    </Group>
  )
}

function Changes({ id }: { id: string }) {
  const { t } = useTranslation()
  const list = useQuery(workflowsQuery(id))
  return (
    <Stack gap={0} className={classes.block}>
      <Title order={2} fz="lg" mb="sm">
        {t('tenants.changes')}
      </Title>
      {list.isPending && <Skeleton h={120} radius="lg" />}
      {list.data?.items.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('tenants.noChanges')}
        </Text>
      )}
      {list.data?.items.map((workflow) => <WorkflowCard key={workflow.id} workflow={workflow} />)}
    </Stack>
  )
}

function Proof({ id }: { id: string }) {
  const { t } = useTranslation()
  const proof = useQuery(proofQuery(id))
  if (!proof.data) return null
  const { document, signature, keyId } = proof.data
  const file = URL.createObjectURL(new Blob([document], { type: 'application/json' }))
  return (
    <section className={`${classes.card} ${classes.panel}`} aria-label={t('tenants.proof')}>
      <Group justify="space-between" mb="xs">
        <Title order={2} fz="md">
          {t('tenants.proof')}
        </Title>
        <Button component="a" size="xs" variant="default" href={file} download={`purge-${id}.json`}>
          {t('tenants.download')}
        </Button>
      </Group>
      <Code block mah={260}>
        {document}
      </Code>
      <Text size="sm" c="dimmed" mt="xs" className={classes.link}>
        {t('tenants.signature')} {signature} ({keyId})
      </Text>
    </section>
  )
}
