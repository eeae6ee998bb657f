import { Fragment } from 'react'

/** An e-mail address that breaks, where it has to, at its own joints. */
export function Email({ children }: { children: string }) {
  return children.split(/(?=[@.])/).map((part, n) => (
    <Fragment key={n}>
      {n > 0 && <wbr />}
      {part}
    </Fragment>
  ))
}
