import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Code.layer.css'
import { IconActivity, IconBuilding, IconDatabase, IconHistory, IconKey, IconMail, IconPalette, IconStack3, IconUsers } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { AuditLog } from '@/components/audit/AuditLog'
import { PageHeader } from '@/components/PageHeader'
import { Sections, type SectionGroup } from '@/components/Sections'
import { auditFilter, type AuditFilter } from '@/lib/audit'
import { auditSource } from './api'
import { Branding } from './Branding'
import { Mail } from './Mail'
import { Pools } from './Pools'
import { RunningLabs } from './RunningLabs'
import { Tenants } from './Tenants'
import type { TenantFilter } from './tenants'
import { Tiers } from './Tiers'
import { Upgrades } from './Upgrades'
import { Users } from './Users'

interface Props {
  tab?: string
  filter: Filter
  onFilter: (filter: Filter) => void
}

type Filter = TenantFilter & AuditFilter

/** The provider's side: what runs, for whom, and the people. */
export function OperatorPage({ tab, filter, onFilter }: Props) {
  const { t } = useTranslation()
  return (
    <>
      <PageHeader title={t('operator.title')} text={t('operator.text')} />
      <Sections label={t('operator.sections')} groups={sections(t, filter, onFilter)} tab={tab} />
    </>
  )
}

/** All sections, in the order in which they are shown. A new one is an entry here. */
function sections(t: TFunction, filter: Filter, onFilter: (filter: Filter) => void): SectionGroup[] {
  return [
    {
      label: t('operator.group.now'),
      sections: [{ value: 'labs', label: t('operator.running'), icon: IconActivity, panel: () => <RunningLabs /> }],
    },
    {
      label: t('operator.group.customers'),
      sections: [
        { value: 'tenants', label: t('tenants.title'), icon: IconBuilding, panel: () => <Tenants filter={filter} onFilter={onFilter} /> },
        { value: 'users', label: t('operator.users'), icon: IconUsers, panel: () => <Users q={filter.q} onSearch={(q) => onFilter({ q })} /> },
        { value: 'pools', label: t('pools.tab'), icon: IconKey, panel: () => <Pools q={filter.q} onSearch={(q) => onFilter({ q })} /> },
        { value: 'tiers', label: t('tiers.tab'), icon: IconStack3, panel: () => <Tiers /> },
      ],
    },
    {
      label: t('operator.group.installation'),
      sections: [
        { value: 'upgrades', label: t('upgrades.title'), icon: IconDatabase, panel: () => <Upgrades /> },
        { value: 'branding', label: t('brand.title'), icon: IconPalette, panel: () => <Branding /> },
        { value: 'mail', label: t('mail.title'), icon: IconMail, panel: () => <Mail /> },
        { value: 'audit', label: t('audit.operators'), icon: IconHistory, panel: () => <AuditLog source={auditSource(t)} filter={auditFilter({ ...filter })} onFilter={onFilter} /> },
      ],
    },
  ]
}
