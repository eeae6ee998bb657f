import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Table.layer.css'
import '@mantine/core/styles/Tabs.layer.css'
import { Tabs } from '@mantine/core'
import { IconArchive, IconGauge, IconHistory, IconKey, IconUsers } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { PageHeader } from '@/components/PageHeader'
import type { Me } from '@/lib/api/types'
import { AuditLog } from './AuditLog'
import { Exports } from './Exports'
import { Members } from './Members'
import { PlanPanel } from './PlanPanel'
import { SignIn } from './SignIn'

export type OrganisationTab = 'plan' | 'members' | 'sign-in' | 'audit' | 'exports'

interface Props {
  me: Me
  tab: OrganisationTab
  onTab: (tab: OrganisationTab) => void
}

/** An organisation's own side: its plan, its people, what was done, and its data. */
export function OrganisationPage({ me, tab, onTab }: Props) {
  const { t } = useTranslation()
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
          <Tabs.Tab value="sign-in" leftSection={<IconKey size={16} />}>
            {t('providers.tab')}
          </Tabs.Tab>
          <Tabs.Tab value="audit" leftSection={<IconHistory size={16} />}>
            {t('organisation.audit')}
          </Tabs.Tab>
          {me.role === 'owner' && (
            <Tabs.Tab value="exports" leftSection={<IconArchive size={16} />}>
              {t('organisation.data')}
            </Tabs.Tab>
          )}
        </Tabs.List>
        <Tabs.Panel value="plan">
          <PlanPanel />
        </Tabs.Panel>
        <Tabs.Panel value="members">
          <Members me={me} />
        </Tabs.Panel>
        <Tabs.Panel value="sign-in">
          <SignIn owner={me.role === 'owner'} />
        </Tabs.Panel>
        <Tabs.Panel value="audit">
          <AuditLog />
        </Tabs.Panel>
        {me.role === 'owner' && (
          <Tabs.Panel value="exports">
            <Exports />
          </Tabs.Panel>
        )}
      </Tabs>
    </>
  )
}
