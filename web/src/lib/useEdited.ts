import { useState } from 'react'

/** What is saved of a resource, as its form holds it, and which version that is. */
export interface Saved<D> {
  draft: D
  version: string
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)

/**
 * What is typed, and which saved version it began from. Another version that arrives takes its place as long as nothing
 * was typed, or the same; otherwise both are kept, until the person has chosen: nobody's words are lost.
 */
export function useEdited<D extends object, S extends Saved<D> = Saved<D>>(first: D, saved: S | undefined) {
  const [mine, setMine] = useState(first)
  const [base, setBase] = useState(saved)
  const begin = (from: S) => {
    setBase(from)
    setMine(from.draft)
  }
  const theirs = saved && base && saved.version !== base.version ? saved : undefined
  if (theirs && base && (same(mine, base.draft) || same(mine, theirs.draft))) begin(theirs)
  return {
    mine,
    /** What the typing began from; none: there is nothing saved yet. */
    base,
    changed: !base || !same(mine, base.draft),
    /** What somebody else has saved meanwhile. */
    theirs: theirs?.draft,
    set: (change: Partial<D>) => setMine((now) => ({ ...now, ...change })),
    takeTheirs: () => theirs && begin(theirs),
    keepMine: () => setBase(theirs),
  }
}
