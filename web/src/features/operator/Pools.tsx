import { Badge, Button, Group, Skeleton, Stack, Table, Text, TextInput, UnstyledButton, VisuallyHidden } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { IconKey, IconSearch } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import { PoolSettings } from '@/components/PoolSettings'
import type { ListedPool } from '@/lib/api/types'
import { poolsQuery } from '@/lib/pools'
import classes from './Operator.module.css'

/** The user pools of the installation: how people sign in, where, and by which rules. */
export function Pools() {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const [q] = useDebouncedValue(typed.trim().toLowerCase(), 200)
  const [chosen, setChosen] = useState<string>()
  return (
    <>
      <Text size="sm" c="dimmed" maw={620} mb="md">
        {t('pools.text')}
      </Text>
      <TextInput
        mb="md"
        maw={380}
        aria-label={t('pools.search')}
        placeholder={t('pools.search')}
        leftSection={<IconSearch size={16} />}
        value={typed}
        onChange={({ currentTarget: { value } }) => setTyped(value)}
      />
      <PoolPages key={q} q={q} onOpen={setChosen} />
      {chosen && (
        <Dialog opened onClose={() => setChosen(undefined)} size="xl" title={t('pools.title', { name: chosen })}>
          <PoolSettings which={{ own: false, name: chosen }} writes />
        </Dialog>
      )}
    </>
  )
}

interface PageProps {
  q: string
  cursor?: string
  onOpen: (name: string) => void
}

/** One page of pools, and the button for the next, which takes its place. */
function PoolPages({ q, cursor, onOpen }: PageProps) {
  const { t } = useTranslation()
  const list = useQuery(poolsQuery(q, cursor))
  const [more, setMore] = useState(false)
  if (list.error && !list.data) return <Failure error={list.error} onRetry={() => void list.refetch()} />
  if (!list.data) return <Skeleton h={220} radius="lg" />
  const { items, next } = list.data
  if (items.length === 0) return <Empty icon={<IconKey size={26} />} title={t('pools.none')} text={t('pools.noneText')} />
  return (
    <Stack gap="md">
      <PoolTable pools={items} onOpen={onOpen} />
      {next && !more && (
        <Group justify="center">
          <Button variant="default" onClick={() => setMore(true)}>
            {t('pools.more')}
          </Button>
        </Group>
      )}
      {next && more && <PoolPages q={q} cursor={next} onOpen={onOpen} />}
    </Stack>
  )
}

function PoolTable({ pools, onOpen }: { pools: ListedPool[]; onOpen: (name: string) => void }) {
  const { t } = useTranslation()
  return (
    <div className={classes.card}>
      <Table.ScrollContainer minWidth={720} type="native">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('pools.name')}</Table.Th>
              <Table.Th>{t('pools.second')}</Table.Th>
              <Table.Th>{t('pools.signUp')}</Table.Th>
              <Table.Th>
                <VisuallyHidden>{t('sessions.actions')}</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {pools.map((pool) => (
              <Table.Tr key={pool.name}>
                <Table.Td>
                  <Group gap={8} wrap="nowrap">
                    <UnstyledButton fw={550} fz="sm" className={classes.open} onClick={() => onOpen(pool.name)}>
                      {pool.title}
                    </UnstyledButton>
                    {pool.shared && <Badge variant="light">{t('pools.shared')}</Badge>}
                  </Group>
                  <div className={classes.sub}>{pool.issuer}</div>
                </Table.Td>
                <Table.Td>{t(`pools.mode.${pool.mfa}`)}</Table.Td>
                <Table.Td>{t(`pools.rule.${pool.signUp}`)}</Table.Td>
                <Table.Td ta="right">
                  <Button size="xs" variant="default" aria-label={t('pools.openOf', { name: pool.name })} onClick={() => onOpen(pool.name)}>
                    {t('pools.open')}
                  </Button>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  )
}
