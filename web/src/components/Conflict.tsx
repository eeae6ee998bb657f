import '@mantine/core/styles/Alert.layer.css'
import { Alert, Button, Group, Text } from '@mantine/core'
import { IconArrowsSplit2 } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { ApiError } from '@/lib/api/problem'
import classes from './Conflict.module.css'

/** Refused, because somebody else has saved the same meanwhile. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 412
}

interface Props {
  title?: string
  text?: string
  /** Both sides, where they are not fields. */
  children?: ReactNode
  /** Each field by its name, as people read it. */
  theirs?: Record<string, string>
  mine?: Record<string, string>
  onTheirs: () => void
  onMine: () => void
}

/** Somebody else has saved what is being edited: both sides are shown, and the person chooses. Nothing is saved by that. */
export function Conflict({ title, text, children, theirs = {}, mine = {}, onTheirs, onMine }: Props) {
  const { t } = useTranslation()
  const differs = Object.keys({ ...theirs, ...mine }).filter((name) => theirs[name] !== mine[name])
  return (
    <Alert color="yellow" variant="light" role="alert" icon={<IconArrowsSplit2 size={18} />} title={title ?? t('conflict.title')}>
      <Text size="sm">{text ?? t('conflict.text')}</Text>
      {children}
      {differs.length > 0 && (
        <dl className={classes.sides}>
          {differs.map((name) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <span>{t('conflict.theirs')}</span> {theirs[name] ?? t('audit.empty')}
              </dd>
              <dd>
                <span>{t('conflict.mine')}</span> {mine[name] ?? t('audit.empty')}
              </dd>
            </div>
          ))}
        </dl>
      )}
      <Group gap="sm" mt="sm">
        <Button size="xs" variant="default" onClick={onTheirs}>
          {t('conflict.takeTheirs')}
        </Button>
        <Button size="xs" variant="default" onClick={onMine}>
          {t('conflict.keepMine')}
        </Button>
      </Group>
    </Alert>
  )
}

/** Fields for both sides, without those that are empty. */
export function fieldsOf(fields: Record<string, unknown>): Record<string, string> {
  const text = (value: unknown): string => (Array.isArray(value) ? value.map(text).join(', ') : String(value))
  return Object.fromEntries(Object.entries(fields).flatMap(([name, value]) => (value === undefined || value === null || value === false || value === '' ? [] : [[name, text(value)]])))
}
