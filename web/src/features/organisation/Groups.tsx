import { Badge, Button, Group as Row, Skeleton, Table, Text, UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconPlus, IconUsersGroup } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { Failure } from '@/components/Failure'
import type { Group } from '@/lib/api/types'
import { GroupDialog } from './GroupDialog'
import { GroupForm } from './GroupForm'
import classes from './Organisation.module.css'
import { groupsQuery } from './people'

/** The organisation's groups: those at the top by name, each followed by the ones in it. */
export function Groups() {
  const { t } = useTranslation()
  const list = useQuery(groupsQuery())
  const [adding, setAdding] = useState(false)
  const [open, setOpen] = useState<string>()
  return (
    <>
      <Row justify="space-between" mb="md" gap="sm">
        <Text size="sm" c="dimmed" flex="1 1 260px">
          {t('groups.text')}
        </Text>
        <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>
          {t('groups.add')}
        </Button>
      </Row>
      {list.error && !list.data && <Failure error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton h={220} radius="lg" />}
      {list.data?.length === 0 && <Empty icon={<IconUsersGroup size={26} />} title={t('groups.none')} text={t('groups.noneText')} />}
      {list.data && list.data.length > 0 && <GroupTable groups={list.data} onOpen={setOpen} />}
      {adding && <GroupForm onClose={() => setAdding(false)} />}
      {open && <GroupDialog id={open} onClose={() => setOpen(undefined)} />}
    </>
  )
}

/** Every group after the one that it is in. */
function nested(groups: Group[]): Group[] {
  return groups.filter(({ parent }) => !parent).flatMap((top) => [top, ...groups.filter(({ parent }) => parent === top.id)])
}

function GroupTable({ groups, onOpen }: { groups: Group[]; onOpen: (id: string) => void }) {
  const { t } = useTranslation()
  return (
    <div className={classes.card}>
      <Table.ScrollContainer minWidth={520} type="native">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('groups.name')}</Table.Th>
              <Table.Th ta="right">{t('groups.members')}</Table.Th>
              <Table.Th ta="right">{t('groups.labs')}</Table.Th>
              <Table.Th ta="right">{t('groups.max')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {nested(groups).map((group) => (
              <Table.Tr key={group.id}>
                <Table.Td pl={group.parent ? 36 : undefined}>
                  <UnstyledButton fw={550} fz="sm" aria-label={t('groups.open', { name: group.name })} onClick={() => onOpen(group.id)} className={classes.open}>
                    {group.name}
                  </UnstyledButton>
                  {group.parent && (
                    <Badge miw="max-content" ml="xs" variant="light" color="gray" tt="none">
                      {t('groups.in', { name: groups.find(({ id }) => id === group.parent)?.name })}
                    </Badge>
                  )}
                  {group.note && <div className={classes.detail}>{group.note}</div>}
                </Table.Td>
                <Table.Td ta="right" className={classes.number}>
                  {group.members}
                </Table.Td>
                <Table.Td ta="right" className={classes.number}>
                  {group.labs}
                </Table.Td>
                <Table.Td ta="right" className={classes.number}>
                  {group.maxSessions ?? t('groups.unlimited')}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  )
}
