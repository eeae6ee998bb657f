import '@mantine/core/styles/Alert.layer.css'
import {
  IconAlertTriangle,
  IconApi,
  IconAppWindow,
  IconArchive,
  IconAt,
  IconGauge,
  IconHistory,
  IconKey,
  IconMail,
  IconPalette,
  IconRobot,
  IconShieldCheck,
  IconUsers,
  IconUsersGroup,
} from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { AuditLog } from '@/components/audit/AuditLog'
import { PageHeader } from '@/components/PageHeader'
import { Sections, type SectionGroup } from '@/components/Sections'
import type { Me } from '@/lib/api/types'
import { auditFilter, type AuditFilter } from '@/lib/audit'
import { auditSource, type PeopleFilter } from './api'
import { ApiKeys } from './access/ApiKeys'
import { Machines } from './access/Machines'
import { Programs } from './access/Programs'
import { Closing } from './Closing'
import { Branding } from './Branding'
import { Domains } from './Domains'
import { Exports } from './Exports'
import { Groups } from './Groups'
import { Invitations } from './Invitations'
import { MailPanel } from './mail/MailPanel'
import { Members } from './Members'
import { PlanChange } from './PlanChange'
import { PlanPanel } from './PlanPanel'
import { Policies } from './Policies'
import { UsagePanel } from './UsagePanel'
import { SignIn } from './SignIn'

interface Props {
  me: Me
  tab?: string
  /** Which people and which entries of the audit log are shown. */
  filter: Filter
  onFilter: (filter: Filter) => void
}

type Filter = PeopleFilter & AuditFilter

/** The default organisation belongs to the installation: its owners can neither close it nor choose its plan. */
const defaultName = 'default'

/** An organisation's own side: its plan, its people, what was done, and its data. */
export function OrganisationPage({ me, tab, filter, onFilter }: Props) {
  const { t } = useTranslation()
  return (
    <>
      <PageHeader title={me.tenant.title} text={t('organisation.text', { name: me.tenant.name })} />
      <Sections label={t('organisation.sections')} groups={sections(t, me, filter, onFilter)} tab={tab} />
    </>
  )
}

/** All sections, in the order in which they are shown. A new one is an entry here. */
function sections(t: TFunction, me: Me, filter: Filter, onFilter: Props['onFilter']): SectionGroup[] {
  const owner = me.role === 'owner'
  const mayClose = owner && me.tenant.name !== defaultName
  return [
    {
      label: t('organisation.group.organisation'),
      sections: [
        {
          value: 'plan',
          label: t('organisation.plan'),
          icon: IconGauge,
          panel: () => (
            <>
              <PlanPanel />
              <UsagePanel />
              {mayClose && <PlanChange />}
            </>
          ),
        },
        { value: 'branding', label: t('brand.title'), icon: IconPalette, panel: () => <Branding /> },
        { value: 'mail', label: t('letters.tab'), icon: IconMail, panel: () => <MailPanel /> },
      ],
    },
    {
      label: t('organisation.group.people'),
      sections: [
        {
          value: 'members',
          label: t('organisation.members'),
          icon: IconUsers,
          panel: () => (
            <>
              <Members me={me} filter={filter} onFilter={onFilter} />
              <Invitations me={me} state={filter.invited} onState={(invited) => onFilter({ ...filter, invited })} />
            </>
          ),
        },
        { value: 'groups', label: t('groups.title'), icon: IconUsersGroup, panel: () => <Groups /> },
      ],
    },
    {
      label: t('organisation.group.access'),
      sections: [
        { value: 'policies', label: t('policies.title'), icon: IconShieldCheck, panel: () => <Policies /> },
        { value: 'domains', label: t('organisation.domains'), icon: IconAt, panel: () => <Domains /> },
        { value: 'sign-in', label: t('providers.tab'), icon: IconKey, panel: () => <SignIn owner={owner} /> },
      ],
    },
    {
      label: t('organisation.group.programs'),
      sections: [
        { value: 'api-keys', label: t('keys.tab'), icon: IconApi, panel: () => <ApiKeys /> },
        { value: 'machine-clients', label: t('machines.tab'), icon: IconRobot, panel: () => <Machines me={me} /> },
        ...(owner ? [{ value: 'programs', label: t('programs.tab'), icon: IconAppWindow, panel: () => <Programs /> }] : []),
      ],
    },
    {
      label: t('organisation.group.records'),
      sections: [
        { value: 'audit', label: t('organisation.audit'), icon: IconHistory, panel: () => <AuditLog source={auditSource(t)} filter={auditFilter({ ...filter })} onFilter={onFilter} /> },
        ...(owner ? [{ value: 'exports', label: t('organisation.data'), icon: IconArchive, panel: () => <Exports /> }] : []),
        ...(mayClose ? [{ value: 'close', label: t('organisation.danger'), icon: IconAlertTriangle, panel: () => <Closing me={me} /> }] : []),
      ],
    },
  ]
}
