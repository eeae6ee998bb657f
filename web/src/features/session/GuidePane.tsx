import { Badge, Button, Skeleton, Stack } from '@mantine/core'
import { IconArrowLeft, IconArrowRight, IconCircleCheckFilled } from '@tabler/icons-react'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import type { Guide, Session } from '@/lib/api/types'
import { Checks } from './Checks'
import classes from './GuidePane.module.css'
import { GuideText } from './GuideText'
import { Help } from './Help'
import { Quiz, quizName } from './Quiz'
import { StepRail } from './StepRail'

interface Props {
  session: Session
  guide: Guide | undefined
  /** Position of the open step, from 0. */
  selected: number
  onSelect: (step: number) => void
}

/** The instructions: one step at a time, its checks beside it, and the way to the next. */
export function GuidePane({ session, guide, selected, onSelect }: Props) {
  const { t } = useTranslation()
  const scroll = useRef<HTMLDivElement>(null)
  useEffect(() => {
    scroll.current?.scrollTo({ top: 0 })
  }, [selected])

  const step = guide?.steps[selected]
  const progress = session.steps[selected]
  if (!guide || !step || !progress) return <GuideSkeleton />
  const checks = session.checks.filter((check) => check.step === step.index && check.name !== quizName)
  const quiz = session.checks.find((check) => check.step === step.index && check.name === quizName)
  return (
    <div className={classes.pane}>
      <StepRail steps={guide.steps} progress={session.steps} selected={selected} onSelect={onSelect} />
      <div ref={scroll} className={classes.scroll} tabIndex={0} role="region" aria-label={t('lab.instructions')} id="instructions">
        <article className={classes.article}>
          <div className={classes.eyebrow}>
            {t('lab.stepOf', { number: selected + 1, count: guide.steps.length })}
            {progress.points > 0 && <Badge variant="light" color="gray">{t('lab.points', { count: progress.points })}</Badge>}
          </div>
          <h1 className={classes.title}>{step.title}</h1>
          <GuideText html={step.html} />
          <Checks session={session.id} checks={checks} ready={session.state === 'ready'} />
          {quiz && step.quiz && (
            <Quiz session={session.id} questions={step.quiz} check={quiz} ready={session.state === 'ready'} key={`quiz-${step.index}`} />
          )}
          {session.state === 'ready' && <Help session={session.id} guide={step} step={progress} key={step.index} />}
        </article>
      </div>
      <Footer selected={selected} count={guide.steps.length} done={progress.done} onSelect={onSelect} />
    </div>
  )
}

interface FooterProps {
  selected: number
  count: number
  done: boolean
  onSelect: (step: number) => void
}

function Footer({ selected, count, done, onSelect }: FooterProps) {
  const { t } = useTranslation()
  const last = selected === count - 1
  return (
    <footer className={classes.footer}>
      <Button
        variant="subtle"
        color="gray"
        size="sm"
        leftSection={<IconArrowLeft size={16} />}
        className={selected === 0 ? classes.first : undefined}
        onClick={() => onSelect(selected - 1)}
      >
        {t('lab.previous')}
      </Button>
      <span role="status" className={classes.done}>
        {done && (
          <>
            <IconCircleCheckFilled size={18} aria-hidden /> {t('lab.stepDone')}
          </>
        )}
      </span>
      {!last && (
        <Button
          variant={done ? 'filled' : 'default'}
          size="sm"
          rightSection={<IconArrowRight size={16} />}
          onClick={() => onSelect(selected + 1)}
        >
          {done ? t('lab.continue') : t('lab.next')}
        </Button>
      )}
    </footer>
  )
}

function GuideSkeleton() {
  return (
    <Stack p="xl" gap="md" aria-busy>
      <Skeleton h={14} w={90} />
      <Skeleton h={28} w="60%" />
      {[100, 96, 88, 70].map((width) => (
        <Skeleton key={width} h={14} w={`${width}%`} />
      ))}
      <Skeleton h={88} mt="md" />
    </Stack>
  )
}
