import { useState } from 'react'
import type { PolicyFields } from './policies'

export interface SavedPolicy extends PolicyFields {
  etag: string
}

const same = (a: PolicyFields, b: PolicyFields) => a.title === b.title && a.text === b.text && a.enabled === b.enabled

/** A saved policy has more in it than is written and sent. */
const fieldsOf = ({ title, text, enabled }: PolicyFields): PolicyFields => ({ title, text, enabled })

/**
 * What is typed, and which saved version it began from. Another version that arrives takes its place as long as nothing
 * was typed, or the same; otherwise both are kept, until the person has chosen: nobody's words are lost.
 */
export function usePolicyForm(first: PolicyFields, saved: SavedPolicy | undefined) {
  const [mine, setMine] = useState(() => fieldsOf(first))
  const [base, setBase] = useState(saved)
  const begin = (from: SavedPolicy) => {
    setBase(from)
    setMine(fieldsOf(from))
  }
  const theirs = saved && base && saved.etag !== base.etag ? saved : undefined
  if (theirs && base && (same(mine, base) || same(mine, theirs))) begin(theirs)
  return {
    mine,
    etag: base?.etag,
    changed: !base || !same(mine, base),
    /** What somebody else has saved meanwhile. */
    theirs,
    set: (change: Partial<PolicyFields>) => setMine({ ...mine, ...change }),
    takeTheirs: () => theirs && begin(theirs),
    keepMine: () => setBase(theirs),
  }
}
