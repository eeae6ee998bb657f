import '@mantine/core/styles/Table.layer.css'
import { NativeSelect, Table, UnstyledButton, VisuallyHidden } from '@mantine/core'
import { IconArrowDown, IconArrowsSort, IconArrowUp } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import classes from './List.module.css'
import { ListFrame, type FrameProps } from './ListFrame'

/** One property of the rows. The first column says which row it is. */
export interface Column<T> {
  /** What the API sorts by with it; none: it cannot. */
  sort?: string
  title: string
  /** Numbers stand at the end, under each other; times and the like do not break. */
  kind?: 'number' | 'short' | 'actions'
  cell: (item: T) => ReactNode
}

interface Props<T, S extends string> extends FrameProps<T> {
  columns: Column<T>[]
  rowKey: (item: T) => string
  /** As the API has it: a name, with - before it the other way round. */
  sort?: S
  onSort?: (sort: S) => void
}

/** A list as a table, and as cards where a table has no room. */
export function DataList<T, S extends string>({ columns, rowKey, sort, onSort: onTyped, filters, ...frame }: Props<T, S>) {
  const onSort = onTyped && ((by: string) => onTyped(by as S)) // the columns name what the API has
  const sorts = onSort ? columns.filter((column) => column.sort) : []
  const narrow = sorts.length > 0 && <NarrowSort columns={sorts} sort={sort} onSort={onSort} />
  return (
    <ListFrame
      {...frame}
      filters={
        (filters ?? narrow) && (
          <>
            {filters}
            {narrow}
          </>
        )
      }
    >
      {(items) => (
        <div className={classes.card}>
          {/* The roles are a table's own, which it loses where it is shown as cards. */}
          <Table role="table" className={classes.table} aria-label={frame.label}>
            <Table.Thead role="rowgroup">
              <Table.Tr role="row">
                {columns.map((column) => (
                  <Heading key={column.title} column={column} sort={sort} onSort={onSort} />
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody role="rowgroup">
              {items.map((item) => (
                <Table.Tr role="row" key={rowKey(item)}>
                  {columns.map((column, n) => (
                    <Table.Td
                      key={column.title}
                      role={n === 0 ? 'rowheader' : 'cell'}
                      data-kind={n === 0 ? 'head' : column.kind}
                      data-title={n > 0 && column.kind !== 'actions' ? column.title : undefined}
                    >
                      <div className={classes.value}>{column.cell(item)}</div>
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
    </ListFrame>
  )
}

interface HeadingProps<T> {
  column: Column<T>
  sort?: string
  onSort?: (sort: string) => void
}

function Heading<T>({ column: { title, kind, sort: by }, sort, onSort }: HeadingProps<T>) {
  const { t } = useTranslation()
  if (kind === 'actions') {
    return (
      <Table.Th role="columnheader">
        <VisuallyHidden>{title}</VisuallyHidden>
      </Table.Th>
    )
  }
  if (!by || !onSort) {
    return (
      <Table.Th role="columnheader" data-kind={kind}>
        {title}
      </Table.Th>
    )
  }
  const up = sort === by
  const down = sort === `-${by}`
  const Icon = up ? IconArrowUp : down ? IconArrowDown : IconArrowsSort
  return (
    <Table.Th role="columnheader" data-kind={kind} aria-sort={up ? 'ascending' : down ? 'descending' : 'none'}>
      <UnstyledButton className={classes.sort} data-on={up || down || undefined} title={t('list.sortBy', { title })} onClick={() => onSort(up ? `-${by}` : by)}>
        {title}
        <Icon size={14} aria-hidden />
      </UnstyledButton>
    </Table.Th>
  )
}

/** Cards have no heads to click on. */
function NarrowSort<T>({ columns, sort, onSort }: { columns: Column<T>[]; sort?: string; onSort?: (sort: string) => void }) {
  const { t } = useTranslation()
  return (
    <NativeSelect
      className={classes.narrowSort}
      aria-label={t('list.sort')}
      value={sort}
      onChange={({ currentTarget: { value } }) => onSort?.(value)}
      data={columns.flatMap(({ sort: by = '', title }) => [
        { value: by, label: t('list.up', { title }) },
        { value: `-${by}`, label: t('list.down', { title }) },
      ])}
    />
  )
}
