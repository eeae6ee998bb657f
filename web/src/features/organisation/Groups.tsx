import { Badge, Button, UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconPlus, IconUsersGroup } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '@/components/Empty'
import { DataList, type Column } from '@/components/list/DataList'
import { few, named } from '@/components/list/named'
import { SearchField } from '@/components/list/SearchField'
import { useInAddress } from '@/components/list/useInAddress'
import { whole } from '@/components/list/useList'
import type { Group } from '@/lib/api/types'
import { GroupDialog } from './GroupDialog'
import { GroupForm } from './GroupForm'
import classes from './Organisation.module.css'
import { groupsQuery } from './people'

/** The organisation's groups: those at the top by name, each followed by the ones in it. */
export function Groups() {
  const { t } = useTranslation()
  const all = useQuery(groupsQuery())
  const [q, setQ] = useInAddress('q')
  const [adding, setAdding] = useState(false)
  const [open, setOpen] = useState<string>()
  const count = all.data?.length ?? 0
  const add = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>
      {t('groups.add')}
    </Button>
  )
  return (
    <>
      <DataList
        list={whole(all, all.data && named(nested(all.data), q))}
        label={t('groups.title')}
        title={t('groups.title')}
        text={t('groups.text')}
        action={count > 0 && add}
        columns={columns(t, all.data ?? [], setOpen)}
        rowKey={({ id }) => id}
        filters={count > few && <SearchField label={t('list.byName')} value={q} onChange={setQ} />}
        onClear={q === undefined ? undefined : () => setQ(undefined)}
        empty={
          <Empty icon={<IconUsersGroup size={26} />} title={t('groups.none')} text={t('groups.noneText')}>
            {add}
          </Empty>
        }
      />
      {adding && <GroupForm onClose={() => setAdding(false)} />}
      {open && <GroupDialog id={open} onClose={() => setOpen(undefined)} />}
    </>
  )
}

/** Every group after the one that it is in. */
function nested(groups: Group[]): Group[] {
  return groups.filter(({ parent }) => !parent).flatMap((top) => [top, ...groups.filter(({ parent }) => parent === top.id)])
}

function columns(t: TFunction, groups: Group[], onOpen: (id: string) => void): Column<Group>[] {
  return [
    {
      title: t('groups.name'),
      cell: ({ id, name, parent, note }) => (
        <div className={parent && classes.nested}>
          <UnstyledButton fw={550} fz="sm" aria-label={t('groups.open', { name })} onClick={() => onOpen(id)} className={classes.open}>
            {name}
          </UnstyledButton>
          {parent && (
            <Badge miw="max-content" ml="xs" variant="light" color="gray">
              {t('groups.in', { name: groups.find((other) => other.id === parent)?.name })}
            </Badge>
          )}
          {note && <div className={classes.detail}>{note}</div>}
        </div>
      ),
    },
    { title: t('groups.members'), kind: 'number', cell: ({ members }) => members },
    { title: t('groups.labs'), kind: 'number', cell: ({ labs }) => labs },
    { title: t('groups.max'), kind: 'number', cell: ({ maxSessions }) => maxSessions ?? t('groups.unlimited') },
  ]
}
