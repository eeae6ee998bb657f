import { Badge, UnstyledButton } from '@mantine/core'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import type { Column } from '@/components/list/DataList'
import type { AuditEntry } from '@/lib/api/types'
import { differences, word, type AuditFilter } from '@/lib/audit'
import { dateTime } from '@/lib/format'
import classes from './Audit.module.css'

type Shown = Pick<AuditEntry, 'id' | 'at' | 'actor' | 'actorName' | 'actorKind' | 'action' | 'target' | 'detail' | 'before' | 'after' | 'address' | 'tenantTitle' | 'reason'>

/** Shows the entries alone that have the same; without it values are only read. */
type OnPick = ((filter: AuditFilter) => void) | undefined

/** Entries of an audit log, each with what it changed. */
export function auditColumns(t: TFunction, onPick?: OnPick): Column<Shown>[] {
  return [
    { title: t('organisation.when'), sort: 'at', cell: ({ at }) => <span className={classes.when}>{dateTime(at)}</span> },
    { title: t('organisation.who'), cell: (entry) => <Who entry={entry} onPick={onPick} /> },
    {
      title: t('organisation.what'),
      cell: ({ action, tenantTitle, target }) => (
        <>
          <div className={classes.action}>{action}</div>
          {(tenantTitle ?? target) && (
            <div className={classes.quiet}>
              <Pick filter={{ target }} onPick={tenantTitle ? undefined : onPick}>
                {tenantTitle ?? target}
              </Pick>
            </div>
          )}
        </>
      ),
    },
    { title: t('organisation.detail'), cell: (entry) => <Changes entry={entry} /> },
  ]
}

function Who({ entry, onPick }: { entry: Shown; onPick: OnPick }) {
  const { t } = useTranslation()
  const { actor, actorName, actorKind, address } = entry
  return (
    <>
      <Pick filter={actor ? { actor } : undefined} onPick={onPick}>
        {actorName ?? unnamed(entry, t)}
      </Pick>
      {actorKind === 'operator' && (
        <Badge size="xs" variant="light" color="yellow" miw="max-content" ml={6}>
          {t('audit.kind.operator')}
        </Badge>
      )}
      {address && (
        <div className={classes.quiet}>
          <Pick filter={{ address }} onPick={onPick}>
            {address}
          </Pick>
        </div>
      )}
    </>
  )
}

/** Somebody whose name is not known. */
function unnamed({ actor, actorKind }: Shown, t: TFunction): string {
  if (!actor) return t('organisation.program')
  return actorKind === 'person' ? t('organisation.gone') : t(`audit.kind.${actorKind}`)
}

function Pick({ filter, onPick, children }: { filter?: AuditFilter; onPick: OnPick; children: string }) {
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
            {before !== undefined && <del aria-label={t('audit.before', { value: before })}>{read(before) || t('audit.empty')}</del>}
            {before !== undefined && after !== undefined && <span aria-hidden> → </span>}
            {after !== undefined && <ins aria-label={t('audit.after', { value: after })}>{read(after) || t('audit.empty')}</ins>}
          </dd>
        </div>
      ))}
      {said.map(([name, value]) => (
        <Said key={name} name={name} value={read(value) || t('audit.empty')} />
      ))}
    </dl>
  )
}

/** A point in time as people read it; the rest as it is. */
function read(value: unknown): string {
  const text = word(value)
  return /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) ? dateTime(text) : text
}

function Said({ name, value }: { name: string; value: string }) {
  return (
    <div className={classes.change}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}
