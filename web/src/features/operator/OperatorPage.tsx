import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Code.layer.css'
import '@mantine/core/styles/Table.layer.css'
import '@mantine/core/styles/Tabs.layer.css'
import { Tabs } from '@mantine/core'
import { IconActivity, IconUsers } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { PageHeader } from '@/components/PageHeader'
import { RunningLabs } from './RunningLabs'
import { Users } from './Users'

export type OperatorTab = 'labs' | 'users'

interface Props {
  tab: OperatorTab
  onTab: (tab: OperatorTab) => void
  q: string | undefined
  onSearch: (q: string | undefined) => void
}

/** The provider's side: what runs, for whom, and the people. */
export function OperatorPage({ tab, onTab, q, onSearch }: Props) {
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
        </Tabs.List>
        <Tabs.Panel value="labs">
          <RunningLabs />
        </Tabs.Panel>
        <Tabs.Panel value="users">
          <Users q={q} onSearch={onSearch} />
        </Tabs.Panel>
      </Tabs>
    </>
  )
}
