import { Badge, Button, Group, UnstyledButton } from '@mantine/core'
import { IconKey } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { Empty } from '@/components/Empty'
import { DataList, type Column } from '@/components/list/DataList'
import { SearchField } from '@/components/list/SearchField'
import { useList } from '@/components/list/useList'
import { PoolSettings } from '@/components/PoolSettings'
import type { ListedPool, SortOf } from '@/lib/api/types'
import { readPools } from '@/lib/pools'
import classes from './Operator.module.css'

interface Props {
  q: string | undefined
  onSearch: (q: string | undefined) => void
}

/** The user pools of the installation: how people sign in, where, and by which rules. */
export function Pools({ q, onSearch }: Props) {
  const { t } = useTranslation()
  const [sort, setSort] = useState<SortOf<'/v1/operator/pools'>>('name')
  const [chosen, setChosen] = useState<string>()
  const list = useList({
    key: ['pools', q, sort],
    read: (cursor, signal) => readPools({ q: q?.toLowerCase(), sort, cursor }, signal),
  })
  return (
    <>
      <DataList
        list={list}
        label={t('pools.tab')}
        title={t('pools.tab')}
        text={t('pools.text')}
        columns={columns(t, setChosen)}
        rowKey={({ name }) => name}
        sort={sort}
        onSort={setSort}
        filters={<SearchField label={t('pools.search')} value={q} onChange={onSearch} />}
        onClear={q === undefined ? undefined : () => onSearch(undefined)}
        empty={<Empty icon={<IconKey size={26} />} title={t('pools.none')} text={t('pools.noneText')} />}
      />
      {chosen && (
        <Dialog opened onClose={() => setChosen(undefined)} size="xl" title={t('pools.title', { name: chosen })}>
          <PoolSettings which={{ own: false, name: chosen }} writes />
        </Dialog>
      )}
    </>
  )
}

function columns(t: TFunction, onOpen: (name: string) => void): Column<ListedPool>[] {
  return [
    {
      title: t('pools.name'),
      sort: 'name',
      cell: ({ name, title, shared, issuer }) => (
        <>
          <Group gap={8}>
            <UnstyledButton fw={550} fz="sm" className={classes.open} onClick={() => onOpen(name)}>
              {title}
            </UnstyledButton>
            {shared && <Badge variant="light">{t('pools.shared')}</Badge>}
          </Group>
          <div className={classes.sub}>{issuer}</div>
        </>
      ),
    },
    { title: t('pools.second'), cell: ({ mfa }) => t(`pools.mode.${mfa}`) },
    { title: t('pools.signUp'), cell: ({ signUp }) => t(`pools.rule.${signUp}`) },
    {
      title: t('list.actions'),
      kind: 'actions',
      cell: ({ name }) => (
        <Button size="xs" variant="default" aria-label={t('pools.openOf', { name })} onClick={() => onOpen(name)}>
          {t('pools.open')}
        </Button>
      ),
    },
  ]
}
