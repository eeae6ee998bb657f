import styles from './Policies.module.css'
import { difference } from './policies'

const marks = { same: '  ', gone: '- ', new: '+ ' }

/** How one text of a policy became another, line by line. */
export function PolicyDifference({ before, after, label }: { before: string; after: string; label: string }) {
  return (
    <pre className={styles.diff} aria-label={label} tabIndex={0}>
      {difference(before, after)
        .filter(({ text, kind }) => kind === 'same' || text !== '')
        .map(({ kind, text }, n) => (
          <div key={n} className={kind === 'same' ? undefined : styles[kind]}>
            {marks[kind]}
            {text}
          </div>
        ))}
    </pre>
  )
}
