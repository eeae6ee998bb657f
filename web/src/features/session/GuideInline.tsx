import { IconExternalLink } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useLabActions } from './actions'
import classes from './GuideText.module.css'

/** {{port:web}}: opens the port beside the text. */
export function PortLink({ port, children }: { port: string; children: ReactNode }) {
  const { openPort } = useLabActions()
  return (
    <button type="button" className={classes.port} onClick={() => openPort(port)}>
      {children}
      <IconExternalLink size={14} aria-hidden />
    </button>
  )
}

/** {{env:NAME}}: a value that the lab's setup made for this learner. Until it is there, the variable stands for it. */
export function EnvValue({ name }: { name: string }) {
  const { env } = useLabActions()
  return <span className={classes.env}>{env[name] ?? `$${name}`}</span>
}
