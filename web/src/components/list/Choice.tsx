import '@mantine/core/styles/Chip.layer.css'
import { Chip } from '@mantine/core'
import { useId } from 'react'
import classes from './List.module.css'

interface Props<V extends string> {
  /** What it chooses by. */
  label: string
  /** What the choice of all is called; none where one must be chosen. */
  any?: string
  values: readonly { value: V; label: string }[]
  value: V | undefined
  onChange: (value: V | undefined) => void
}

/** Narrows a list by a property of few values. Arrow keys go through them. */
export function Choice<V extends string>({ label, any, values, value, onChange }: Props<V>) {
  const name = useId()
  const chosen: string = value ?? ''
  const all = any === undefined ? values : [{ value: '' as const, label: any }, ...values]
  return (
    <div role="radiogroup" aria-label={label} className={classes.choice}>
      <Chip.Group value={chosen} onChange={(next) => onChange(values.find((one) => one.value === next)?.value)}>
        {all.map((one) => (
          <Chip key={one.value} name={name} size="xs" variant="light" value={one.value}>
            {one.label}
          </Chip>
        ))}
      </Chip.Group>
    </div>
  )
}
