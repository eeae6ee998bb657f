import { Badge, Table, UnstyledButton } from '@mantine/core'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import type { AuditEntry } from '@/lib/api/types'
import { differences, word, type AuditFilter } from '@/lib/audit'
import { dateTime } from '@/lib/format'
import classes from './AuditTable.module.css'
import card from '@/components/Card.module.css'

type Shown = Pick<AuditEntry, 'id' | 'at' | 'actor' | 'actorName' | 'actorKind' | 'action' | 'target' | 'detail' | 'before' | 'after' | 'address' | 'tenantTitle' | 'reason'>

interface Props {
  entries: Shown[]
  /** Shows the entries alone that have the same; without it values are only read. */
  onPick?: (filter: AuditFilter) => void
}

/** Entries of an audit log, each with what it changed. */
export function AuditTable({ entries, onPick }: Props) {
  const { t } = useTranslation()
  return (
    <div className={card.card}>
      <Table.ScrollContainer minWidth={860} type="native">
        <Table verticalSpacing="sm" className={classes.table}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('organisation.when')}</Table.Th>
              <Table.Th>{t('organisation.who')}</Table.Th>
              <Table.Th>{t('organisation.what')}</Table.Th>
              <Table.Th>{t('organisation.detail')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {entries.map((entry) => (
              <Table.Tr key={entry.id}>
                <Table.Td className={card.number}>{dateTime(entry.at)}</Table.Td>
                <Table.Td>
                  <Pick filter={entry.actor ? { actor: entry.actor } : undefined} onPick={onPick}>
                    {entry.actorName ?? unnamed(entry, t)}
                  </Pick>
                  {entry.actorKind === 'operator' && (
                    <Badge size="xs" variant="light" color="yellow" miw="max-content" ml={6}>
                      {t('audit.kind.operator')}
                    </Badge>
                  )}
                  {entry.address && (
                    <div className={classes.quiet}>
                      <Pick filter={{ address: entry.address }} onPick={onPick}>
                        {entry.address}
                      </Pick>
                    </div>
                  )}
                </Table.Td>
                <Table.Td>
                  <div className={classes.action}>{entry.action}</div>
                  {(entry.tenantTitle ?? entry.target) && (
                    <div className={classes.quiet}>
                      <Pick filter={{ target: entry.target }} onPick={entry.tenantTitle ? undefined : onPick}>
                        {entry.tenantTitle ?? entry.target}
                      </Pick>
                    </div>
                  )}
                </Table.Td>
                <Table.Td miw={320}>
                  <Changes entry={entry} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  )
}

/** Somebody whose name is not known. */
function unnamed({ actor, actorKind }: Shown, t: TFunction): string {
  if (!actor) return t('organisation.program')
  return actorKind === 'person' ? t('organisation.gone') : t(`audit.kind.${actorKind}`)
}

function Pick({ filter, onPick, children }: { filter?: AuditFilter; onPick?: Props['onPick']; children: string }) {
  const { t } = useTranslation()
  if (!filter || !onPick) return children
  return (
    <UnstyledButton className={classes.pick} title={t('audit.only')} onClick={() => onPick(filter)}>
      {children}
    </UnstyledButton>
  )
}

/** What was before and what is now, and whatever else an entry says. */
function Changes({ entry }: { entry: Shown }) {
  const { t } = useTranslation()
  const changed = differences(entry.before, entry.after)
  const twice = (name: string, value: unknown) => changed.some((change) => change.name === name && (change.after ?? change.before) === word(value))
  const said = Object.entries(entry.detail as Record<string, unknown>).filter(
    ([name, value]) => name !== 'hash' && !twice(name, value), // of the content: nobody reads it here
  )
  return (
    <dl className={classes.changes}>
      {entry.reason && <Said name={t('audit.reason')} value={entry.reason} />}
      {changed.map(({ name, before, after }) => (
        <div key={name} className={classes.change}>
          <dt>{name}</dt>
          <dd>
            {before !== undefined && <del aria-label={t('audit.before', { value: before })}>{before || t('audit.empty')}</del>}
            {before !== undefined && after !== undefined && <span aria-hidden> → </span>}
            {after !== undefined && <ins aria-label={t('audit.after', { value: after })}>{after || t('audit.empty')}</ins>}
          </dd>
        </div>
      ))}
      {said.map(([name, value]) => (
        <Said key={name} name={name} value={word(value) || t('audit.empty')} />
      ))}
    </dl>
  )
}

function Said({ name, value }: { name: string; value: string }) {
  return (
    <div className={classes.change}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}
