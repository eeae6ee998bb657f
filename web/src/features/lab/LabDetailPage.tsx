import '@mantine/core/styles/Code.layer.css'
import { Badge, Button, Code, Group, Text, Title } from '@mantine/core'
import { useSuspenseQuery } from '@tanstack/react-query'
import { IconArrowLeft, IconClock, IconListCheck, IconPlayerPlayFilled, IconTrophy, IconWorld } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { ButtonLink, TextLink } from '@/components/links'
import type { Lab, SessionSummary } from '@/lib/api/types'
import { duration } from '@/lib/format'
import { labQuery } from './api'
import classes from './LabDetailPage.module.css'
import { LevelBadge } from './LevelBadge'
import { usePageTitle } from '@/lib/brand'

interface Props {
  slug: string
  /** The caller's running session of this lab. */
  running: SessionSummary | undefined
  onStart: () => void
  starting: boolean
  /** Why the last start was refused, in words. */
  refused: string | undefined
}

/** What a lab is about, before it is started. */
export function LabDetailPage({ slug, running, onStart, starting, refused }: Props) {
  const { t } = useTranslation()
  const { data: lab } = useSuspenseQuery(labQuery(slug))
  usePageTitle(lab.title)
  return (
    <div className={classes.page}>
      <div className={classes.intro}>
        <TextLink to="/" size="sm" c="dimmed" className={classes.back}>
          <IconArrowLeft size={15} aria-hidden /> {t('detail.back')}
        </TextLink>
        <LevelBadge level={lab.level} />
        <Title order={1} fz={34} mt={6}>
          {lab.title}
        </Title>
        <Text fz="lg" c="dimmed" mt="xs" maw={640}>
          {lab.summary}
        </Text>
        <Group gap={6} mt="md">
          {lab.tags.map((tag) => (
            <Badge key={tag} variant="default" tt="none" fw={500}>
              {tag}
            </Badge>
          ))}
        </Group>
      </div>
      <div className={classes.contents}>
        <Title order={2} fz="lg" mb="sm">
          {t('detail.steps')}
        </Title>
        <ol className={classes.steps}>
          {lab.stepTitles.map((step, index) => (
            <li key={step}>
              <span aria-hidden>{index + 1}</span> {step}
            </li>
          ))}
        </ol>
      </div>
      <aside className={classes.card} aria-label={t('detail.start')}>
        <Facts lab={lab} />
        {running ? (
          <ButtonLink to="/sessions/$id" params={{ id: running.id }} size="md" fullWidth leftSection={<IconPlayerPlayFilled size={14} />}>
            {t('detail.resume')}
          </ButtonLink>
        ) : (
          <Button size="md" fullWidth loading={starting} leftSection={<IconPlayerPlayFilled size={14} />} onClick={onStart}>
            {t('detail.start')}
          </Button>
        )}
        {refused && (
          <Text size="sm" c="var(--ck-bad-text)" role="alert">
            {refused}
          </Text>
        )}
        <Text size="xs" c="dimmed">
          {t('detail.promise')}
        </Text>
      </aside>
    </div>
  )
}

function Facts({ lab }: { lab: Lab }) {
  const { t } = useTranslation()
  return (
    <ul className={classes.facts}>
      <li>
        <IconClock size={18} aria-hidden /> {duration(lab.durationSeconds)}
      </li>
      <li>
        <IconListCheck size={18} aria-hidden /> {t('card.steps', { count: lab.stepCount })}
      </li>
      {lab.points > 0 && (
        <li>
          <IconTrophy size={18} aria-hidden /> {t('lab.points', { count: lab.points })}
        </li>
      )}
      {lab.ports.length > 0 && (
        <li>
          <IconWorld size={18} aria-hidden /> {t('detail.ports', { ports: lab.ports.map((p) => p.name).join(', ') })}
        </li>
      )}
      {lab.requires.length > 0 && (
        <li className={classes.requires}>
          {t('detail.uses')}
          <span>
            {lab.requires.map((command) => (
              <Code key={command}>{command}</Code>
            ))}
          </span>
        </li>
      )}
    </ul>
  )
}
