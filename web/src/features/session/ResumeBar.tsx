import { ActionIcon, Group } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconPlayerPlayFilled, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ButtonLink } from '@/components/links'
import { clock } from '@/lib/format'
import { useNow } from '@/lib/useNow'
import { activeSessionsQuery, isAlive } from './api'
import classes from './ResumeBar.module.css'

/** Everywhere outside of a lab, while one lives: the way back to it and the time that it has left. */
export function ResumeBar() {
  const { t } = useTranslation()
  const { data } = useQuery(activeSessionsQuery())
  const [dismissed, setDismissed] = useState('')
  const session = data?.items.find((s) => isAlive(s.state))
  const now = useNow(session !== undefined)
  if (!session || session.id === dismissed) return null
  const left = session.deadline ? Date.parse(session.deadline) - now : undefined
  return (
    <aside className={classes.bar} aria-label={t('resume.label')}>
      <span className={classes.dot} aria-hidden />
      <div className={classes.text}>
        <strong>{session.lab.title}</strong>
        <span>
          {session.state === 'ready'
            ? t('lab.checksPassed', { passed: session.progress.passed, total: session.progress.total })
            : t('resume.starting')}
          {left !== undefined && ` · ${t('resume.left', { time: clock(left) })}`}
        </span>
      </div>
      <Group gap={6} wrap="nowrap">
        <ButtonLink
          to="/sessions/$id"
          params={{ id: session.id }}
          size="xs"
          leftSection={<IconPlayerPlayFilled size={12} />}
        >
          {t('resume.resume')}
        </ButtonLink>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={t('resume.hide')}
          title={t('resume.hide')}
          onClick={() => setDismissed(session.id)}
        >
          <IconX size={16} />
        </ActionIcon>
      </Group>
    </aside>
  )
}
