import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Code.layer.css'
import '@mantine/core/styles/Table.layer.css'
import '@mantine/core/styles/Tabs.layer.css'
import { Tabs } from '@mantine/core'
import { IconActivity, IconBuilding, IconDatabase, IconMail, IconStack3, IconUsers } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { PageHeader } from '@/components/PageHeader'
import { Mail } from './Mail'
import { RunningLabs } from './RunningLabs'
import { Tenants } from './Tenants'
import type { TenantFilter } from './tenants'
import { Tiers } from './Tiers'
import { Upgrades } from './Upgrades'
import { Users } from './Users'

export const operatorTabs = ['labs', 'users', 'tenants', 'tiers', 'upgrades', 'mail'] as const
export type OperatorTab = (typeof operatorTabs)[number]

interface Props {
  tab: OperatorTab
  onTab: (tab: OperatorTab) => void
  filter: TenantFilter
  onFilter: (filter: TenantFilter) => void
}

/** The provider's side: what runs, for whom, and the people. */
export function OperatorPage({ tab, onTab, filter, onFilter }: Props) {
  const { t } = useTranslation()
  return (
    <>
      <PageHeader title={t('operator.title')} text={t('operator.text')} />
      <Tabs value={tab} onChange={(value) => onTab(value as OperatorTab)} keepMounted={false}>
        <Tabs.List mb="lg" aria-label={t('operator.title')}>
          <Tabs.Tab value="labs" leftSection={<IconActivity size={16} />}>
            {t('operator.running')}
          </Tabs.Tab>
          <Tabs.Tab value="users" leftSection={<IconUsers size={16} />}>
            {t('operator.users')}
          </Tabs.Tab>
          <Tabs.Tab value="tenants" leftSection={<IconBuilding size={16} />}>
            {t('tenants.title')}
          </Tabs.Tab>
          <Tabs.Tab value="tiers" leftSection={<IconStack3 size={16} />}>
            {t('tiers.tab')}
          </Tabs.Tab>
          <Tabs.Tab value="upgrades" leftSection={<IconDatabase size={16} />}>
            {t('upgrades.title')}
          </Tabs.Tab>
          <Tabs.Tab value="mail" leftSection={<IconMail size={16} />}>
            {t('mail.title')}
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="labs">
          <RunningLabs />
        </Tabs.Panel>
        <Tabs.Panel value="users">
          <Users q={filter.q} onSearch={(q) => onFilter({ q })} />
        </Tabs.Panel>
        <Tabs.Panel value="tenants">
          <Tenants filter={filter} onFilter={onFilter} />
        </Tabs.Panel>
        <Tabs.Panel value="tiers">
          <Tiers />
        </Tabs.Panel>
        <Tabs.Panel value="upgrades">
          <Upgrades />
        </Tabs.Panel>
        <Tabs.Panel value="mail">
          <Mail />
        </Tabs.Panel>
      </Tabs>
    </>
  )
}
