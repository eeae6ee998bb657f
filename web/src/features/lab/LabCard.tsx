import { Badge, Progress } from '@mantine/core'
import { IconCircleCheckFilled, IconClock, IconListCheck, IconPlayerPlayFilled, IconTrophy } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { ButtonLink } from '@/components/links'
import type { LabSummary, SessionSummary } from '@/lib/api/types'
import { duration } from '@/lib/format'
import classes from './LabCard.module.css'
import { LevelBadge } from './LevelBadge'

interface Props {
  lab: LabSummary
  session: SessionSummary | undefined
}

/** One lab in the catalogue. The whole card leads to it; a running session adds the way back in. */
export function LabCard({ lab, session }: Props) {
  const { t } = useTranslation()
  const alive = session !== undefined && !session.endedAt && session.state !== 'ending'
  const done = session?.completed ?? false
  return (
    <article className={classes.card}>
      <div className={classes.top}>
        <LevelBadge level={lab.level} />
        {alive && (
          <Badge color="green" variant="light">
            {t('card.running')}
          </Badge>
        )}
        {!alive && done && (
          <span className={classes.done}>
            <IconCircleCheckFilled size={15} aria-hidden /> {t('card.done')}
          </span>
        )}
      </div>
      <h2 className={classes.title}>
        <Link to="/labs/$slug" params={{ slug: lab.slug }} className={classes.link}>
          {lab.title}
        </Link>
      </h2>
      <p className={classes.summary}>{lab.summary}</p>
      <div className={classes.bottom}>
        {alive ? (
          <>
            <Progress
              className={classes.progress}
              value={(100 * session.progress.passed) / Math.max(1, session.progress.total)}
              size="sm"
              radius="xl"
              aria-label={t('lab.progress')}
            />
            <span className={classes.steps}>
              {t('lab.checksPassed', { passed: session.progress.passed, total: session.progress.total })}
            </span>
            <ButtonLink
              to="/sessions/$id"
              params={{ id: session.id }}
              size="compact-sm"
              className={classes.resume}
              leftSection={<IconPlayerPlayFilled size={11} />}
            >
              {t('resume.resume')}
            </ButtonLink>
          </>
        ) : (
          <ul className={classes.facts}>
            <li>
              <IconClock size={15} aria-hidden /> {duration(lab.durationSeconds)}
            </li>
            <li>
              <IconListCheck size={15} aria-hidden /> {t('card.steps', { count: lab.stepCount })}
            </li>
            {lab.points > 0 && (
              <li>
                <IconTrophy size={15} aria-hidden /> {t('lab.points', { count: lab.points })}
              </li>
            )}
          </ul>
        )}
      </div>
    </article>
  )
}
