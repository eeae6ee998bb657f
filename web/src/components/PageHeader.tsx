import { Group, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { usePageTitle } from '@/lib/brand'

interface Props {
  title: string
  text?: ReactNode
  children?: ReactNode
}

/** The head of a page: its title, a line about it, and its actions. It names the browser's tab, too. */
export function PageHeader({ title, text, children }: Props) {
  usePageTitle(title)
  return (
    <Group justify="space-between" align="flex-end" mb="lg" gap="md">
      <div>
        <Title order={1} fz={28}>
          {title}
        </Title>
        {text && (
          <Text c="dimmed" mt={4}>
            {text}
          </Text>
        )}
      </div>
      {children}
    </Group>
  )
}
