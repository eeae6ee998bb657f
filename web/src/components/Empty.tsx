import { Center, Stack, Text, ThemeIcon, Title } from '@mantine/core'
import type { ReactNode } from 'react'

interface Props {
  icon: ReactNode
  title: string
  text: string
  /** 1 where it is all that the page has. */
  order?: 1 | 2
  children?: ReactNode
}

/** Where there is nothing yet: why, and what to do first. */
export function Empty({ icon, title, text, order = 2, children }: Props) {
  return (
    <Center py={64} px="md">
      <Stack align="center" gap="xs" maw={420} ta="center">
        <ThemeIcon size={52} radius="xl" variant="light" color="gray" mb={4}>
          {icon}
        </ThemeIcon>
        <Title order={order} fz="lg">
          {title}
        </Title>
        <Text c="dimmed" size="sm" mb="sm">
          {text}
        </Text>
        {children}
      </Stack>
    </Center>
  )
}
