import { Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import classes from './ProfilePage.module.css'

/** One part of the profile: what it is about, and beside it what can be done. */
export function Section({ title, text, children }: { title: string; text: string; children: ReactNode }) {
  return (
    <section className={classes.section}>
      <div>
        <Title order={2} fz="md">
          {title}
        </Title>
        <Text size="sm" c="dimmed" mt={4}>
          {text}
        </Text>
      </div>
      <div>{children}</div>
    </section>
  )
}
