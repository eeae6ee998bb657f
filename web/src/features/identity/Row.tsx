import { Button, Group, Text } from '@mantine/core'

interface Props {
  title: string
  note?: string
  text: string
  action?: string
  /** What the action does, in full: several rows have the same one. */
  label?: string
  busy?: boolean
  onAction?: () => void
}

/** One thing of a person's, with the one thing that can be done about it. */
export function Row({ title, note, text, action, label, busy, onAction }: Props) {
  return (
    <Group justify="space-between" wrap="nowrap" gap="sm">
      <div style={{ minWidth: 0, overflowWrap: 'anywhere' }}>
        <Text size="sm" fw={600}>
          {title}
          {note && (
            <Text span size="sm" c="dimmed" fw={400}>
              {` · ${note}`}
            </Text>
          )}
        </Text>
        <Text size="sm" c="dimmed">
          {text}
        </Text>
      </div>
      {action && (
        <Button variant="default" size="xs" aria-label={label} loading={busy} onClick={onAction} style={{ flex: 'none' }}>
          {action}
        </Button>
      )}
    </Group>
  )
}
