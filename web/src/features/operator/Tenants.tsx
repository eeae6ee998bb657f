import '@mantine/core/styles/Combobox.layer.css'
import { Badge, Button, Group, Select, Skeleton, Table, TextInput, VisuallyHidden } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { IconBuilding, IconChevronLeft, IconChevronRight, IconSearch } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { ButtonLink, TextLink } from '@/components/links'
import type { Tenant } from '@/lib/api/types'
import { dateTime } from '@/lib/format'
import classes from './Operator.module.css'
import { statuses, tenantsQuery, type TenantFilter } from './tenants'

const colours: Record<Tenant['status'], string> = {
  provisioning: 'yellow',
  active: 'green',
  suspended: 'yellow',
  offboarding: 'red',
  purged: 'gray',
}

export function TenantStatus({ status }: { status: Tenant['status'] }) {
  const { t } = useTranslation()
  return (
    <Badge miw="max-content" variant="light" color={colours[status]}>
      {t(`tenants.status.${status}`)}
    </Badge>
  )
}

interface Props {
  filter: TenantFilter
  onFilter: (filter: TenantFilter) => void
}

/** Every organisation of the installation, found by name, status and place. */
export function Tenants({ filter, onFilter }: Props) {
  const { t } = useTranslation()
  const [cursors, setCursors] = useState<string[]>([])
  const list = useQuery(tenantsQuery(filter, cursors.at(-1)))
  const change = (next: TenantFilter) => {
    setCursors([])
    onFilter(next)
  }
  return (
    <>
      <Filters filter={filter} onFilter={change} />
      {list.error && !list.data && <Failure error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton h={260} radius="lg" />}
      {list.data?.items.length === 0 && (
        <Empty icon={<IconBuilding size={26} />} title={t('tenants.none')} text={t('tenants.noneText')}>
          <ButtonLink to="/register">{t('tenants.register')}</ButtonLink>
        </Empty>
      )}
      {list.data && list.data.items.length > 0 && <TenantTable tenants={list.data.items} />}
      <Group justify="flex-end" mt="md" gap="xs">
        {cursors.length > 0 && (
          <Button variant="default" size="xs" leftSection={<IconChevronLeft size={14} />} onClick={() => setCursors(cursors.slice(0, -1))}>
            {t('tenants.newer')}
          </Button>
        )}
        {list.data?.next && (
          <Button
            variant="default"
            size="xs"
            rightSection={<IconChevronRight size={14} />}
            onClick={() => list.data.next && setCursors([...cursors, list.data.next])}
          >
            {t('tenants.older')}
          </Button>
        )}
      </Group>
    </>
  )
}

function Filters({ filter, onFilter }: Props) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState(filter.q ?? '')
  const search = useDebouncedCallback((text: string) => onFilter({ ...filter, q: text || undefined }), 200)
  return (
    <Group mb="md" gap="sm">
      <TextInput
        flex="1 1 240px"
        maw={380}
        aria-label={t('tenants.search')}
        placeholder={t('tenants.search')}
        leftSection={<IconSearch size={16} />}
        value={typed}
        onChange={({ currentTarget: { value } }) => {
          setTyped(value)
          search(value.trim())
        }}
      />
      <Select
        w={170}
        clearable
        aria-label={t('tenants.byStatus')}
        placeholder={t('tenants.anyStatus')}
        data={statuses.map((value) => ({ value, label: t(`tenants.status.${value}`) }))}
        value={filter.status ?? null}
        onChange={(value) => onFilter({ ...filter, status: (value) ?? undefined })}
      />
      <Select
        w={150}
        clearable
        aria-label={t('tenants.byPlacement')}
        placeholder={t('tenants.anyPlacement')}
        data={(['pool', 'silo'] as const).map((value) => ({ value, label: t(`tenants.placement.${value}`) }))}
        value={filter.placement ?? null}
        onChange={(value) => onFilter({ ...filter, placement: (value) ?? undefined })}
      />
    </Group>
  )
}

function TenantTable({ tenants }: { tenants: Tenant[] }) {
  const { t } = useTranslation()
  return (
    <div className={classes.card}>
      <Table.ScrollContainer minWidth={860} type="native">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('tenants.organisation')}</Table.Th>
              <Table.Th>{t('tenants.statusTitle')}</Table.Th>
              <Table.Th>{t('tenants.tier')}</Table.Th>
              <Table.Th>{t('tenants.placementTitle')}</Table.Th>
              <Table.Th>{t('tenants.schema')}</Table.Th>
              <Table.Th ta="right">{t('tenants.members')}</Table.Th>
              <Table.Th ta="right">{t('tenants.running')}</Table.Th>
              <Table.Th>{t('tenants.since')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {tenants.map((tenant) => (
              <Table.Tr key={tenant.id}>
                <Table.Td>
                  <TextLink to="/operator/tenants/$id" params={{ id: tenant.id }} fw={550} size="sm">
                    {tenant.title}
                  </TextLink>
                  <div className={classes.sub}>{tenant.name}</div>
                </Table.Td>
                <Table.Td>
                  <TenantStatus status={tenant.status} />
                  {tenant.workflow && <VisuallyHidden>{t('tenants.changing')}</VisuallyHidden>}
                </Table.Td>
                <Table.Td>{tenant.tier}</Table.Td>
                <Table.Td>{t(`tenants.placement.${tenant.placement}`)}</Table.Td>
                <Table.Td className={classes.number}>{tenant.schemaVersion || '–'}</Table.Td>
                <Table.Td ta="right" className={classes.number}>
                  {tenant.members}
                </Table.Td>
                <Table.Td ta="right" className={classes.number}>
                  {tenant.sessions}
                </Table.Td>
                <Table.Td>{dateTime(tenant.createdAt)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  )
}
