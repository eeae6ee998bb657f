import { Badge, Button, Skeleton, Table, Text, VisuallyHidden } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconDatabase } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { TextLink } from '@/components/links'
import { notifyError } from '@/components/notify'
import type { Silo } from '@/lib/api/types'
import classes from './Operator.module.css'
import { upgradesQuery, useRetryUpgrade } from './tenants'

const colours: Record<Silo['state'], string> = { current: 'green', waiting: 'yellow', failed: 'red' }

/** Silos with the versions of their schemas: which are up to date, which wait, which failed and why. */
export function Upgrades() {
  const { t } = useTranslation()
  const list = useQuery(upgradesQuery())
  const retry = useRetryUpgrade()
  if (list.error && !list.data) return <Failure error={list.error} onRetry={() => void list.refetch()} />
  if (!list.data) return <Skeleton h={220} radius="lg" />
  if (list.data.items.length === 0) {
    return <Empty icon={<IconDatabase size={26} />} title={t('upgrades.none')} text={t('upgrades.noneText')} />
  }
  return (
    <>
      <Text size="sm" c="dimmed" mb="md">
        {t('upgrades.want', { version: list.data.want })}
      </Text>
      <div className={classes.card}>
        <Table.ScrollContainer minWidth={640} type="native">
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('tenants.organisation')}</Table.Th>
                <Table.Th>{t('tenants.schema')}</Table.Th>
                <Table.Th>{t('operator.state')}</Table.Th>
                <Table.Th>{t('upgrades.problem')}</Table.Th>
                <Table.Th>
                <VisuallyHidden>{t('sessions.actions')}</VisuallyHidden>
              </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {list.data.items.map((silo) => (
                <Table.Tr key={silo.tenant}>
                  <Table.Td>
                    <TextLink to="/operator/tenants/$id" params={{ id: silo.tenant }} fw={550} size="sm">
                      {silo.title}
                    </TextLink>
                    {silo.canary && <div className={classes.sub}>{t('upgrades.canary')}</div>}
                  </Table.Td>
                  <Table.Td className={classes.number}>{silo.version}</Table.Td>
                  <Table.Td>
                    <Badge variant="light" color={colours[silo.state]}>
                      {t(`upgrades.state.${silo.state}`)}
                    </Badge>
                  </Table.Td>
                  <Table.Td>{silo.problem ?? '–'}</Table.Td>
                  <Table.Td ta="right">
                    {silo.state === 'failed' && (
                      <Button size="xs" loading={retry.isPending} onClick={() => retry.mutate(silo.tenant, { onError: notifyError })}>
                        {t('errors.retry')}
                      </Button>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      </div>
    </>
  )
}
