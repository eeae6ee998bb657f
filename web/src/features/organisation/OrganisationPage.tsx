import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Table.layer.css'
import '@mantine/core/styles/Tabs.layer.css'
import { Tabs } from '@mantine/core'
import { IconAlertTriangle, IconArchive, IconAt, IconGauge, IconHistory, IconKey, IconUsers, IconUsersGroup } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { PageHeader } from '@/components/PageHeader'
import type { Me } from '@/lib/api/types'
import { AuditLog } from './AuditLog'
import { Closing } from './Closing'
import { Domains } from './Domains'
import { Exports } from './Exports'
import { Groups } from './Groups'
import { Invitations } from './Invitations'
import { Members } from './Members'
import { PlanChange } from './PlanChange'
import { PlanPanel } from './PlanPanel'
import { SignIn } from './SignIn'

export type OrganisationTab = 'plan' | 'members' | 'groups' | 'domains' | 'sign-in' | 'audit' | 'exports' | 'close'

interface Props {
  me: Me
  tab: OrganisationTab
  onTab: (tab: OrganisationTab) => void
}

/** The default organisation belongs to the installation: its owners can neither close it nor choose its plan. */
const defaultName = 'default'

/** An organisation's own side: its plan, its people, what was done, and its data. */
export function OrganisationPage({ me, tab, onTab }: Props) {
  const { t } = useTranslation()
  const owner = me.role === 'owner'
  const mayClose = owner && me.tenant.name !== defaultName
  return (
    <>
      <PageHeader title={me.tenant.title} text={t('organisation.text', { name: me.tenant.name })} />
      <Tabs value={tab} onChange={(value) => onTab(value as OrganisationTab)} keepMounted={false}>
        <Tabs.List mb="lg" aria-label={me.tenant.title}>
          <Tabs.Tab value="plan" leftSection={<IconGauge size={16} />}>
            {t('organisation.plan')}
          </Tabs.Tab>
          <Tabs.Tab value="members" leftSection={<IconUsers size={16} />}>
            {t('organisation.members')}
          </Tabs.Tab>
          <Tabs.Tab value="domains" leftSection={<IconAt size={16} />}>
            {t('organisation.domains')}
          </Tabs.Tab>
          <Tabs.Tab value="groups" leftSection={<IconUsersGroup size={16} />}>
            {t('groups.title')}
          </Tabs.Tab>
          <Tabs.Tab value="sign-in" leftSection={<IconKey size={16} />}>
            {t('providers.tab')}
          </Tabs.Tab>
          <Tabs.Tab value="audit" leftSection={<IconHistory size={16} />}>
            {t('organisation.audit')}
          </Tabs.Tab>
          {owner && (
            <Tabs.Tab value="exports" leftSection={<IconArchive size={16} />}>
              {t('organisation.data')}
            </Tabs.Tab>
          )}
          {mayClose && (
            <Tabs.Tab value="close" leftSection={<IconAlertTriangle size={16} />}>
              {t('organisation.danger')}
            </Tabs.Tab>
          )}
        </Tabs.List>
        <Tabs.Panel value="plan">
          <PlanPanel />
          {mayClose && <PlanChange />}
        </Tabs.Panel>
        <Tabs.Panel value="members">
          <Members me={me} />
          <Invitations me={me} />
        </Tabs.Panel>
        <Tabs.Panel value="groups">
          <Groups />
        </Tabs.Panel>
        <Tabs.Panel value="domains">
          <Domains />
        </Tabs.Panel>
        <Tabs.Panel value="sign-in">
          <SignIn owner={me.role === 'owner'} />
        </Tabs.Panel>
        <Tabs.Panel value="audit">
          <AuditLog />
        </Tabs.Panel>
        {owner && (
          <Tabs.Panel value="exports">
            <Exports />
          </Tabs.Panel>
        )}
        {mayClose && (
          <Tabs.Panel value="close">
            <Closing me={me} onExports={() => onTab('exports')} />
          </Tabs.Panel>
        )}
      </Tabs>
    </>
  )
}
