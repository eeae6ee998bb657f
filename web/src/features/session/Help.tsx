import { Alert, Button, Collapse, Group, Skeleton, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { IconBulb, IconKey } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { notifyError } from '@/components/notify'
import { messageOf } from '@/lib/api/problem'
import type { GuideStep, SessionStep } from '@/lib/api/types'
import { hintQuery, solutionQuery, useRevealHint } from './api'
import { GuideText } from './GuideText'
import classes from './Help.module.css'

interface Props {
  session: string
  guide: GuideStep
  step: SessionStep
}

/** The hints of a step, revealed one after another at the cost that each names, and its solution once it is offered. */
export function Help({ session, guide, step }: Props) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const reveal = useRevealHint(session, step.index)
  const next = guide.hints.find((hint) => !step.hintsRevealed.includes(hint.index))
  const revealed = guide.hints.filter((hint) => step.hintsRevealed.includes(hint.index))
  if (guide.hints.length === 0 && !step.solutionOffered) return null

  const show = (hint: number) =>
    reveal.mutate(hint, {
      onSuccess: (text) => client.setQueryData(hintQuery(session, step.index, hint, true).queryKey, text),
      onError: notifyError,
    })
  return (
    <section className={classes.help} aria-label={t('help.title')}>
      {revealed.map((hint) => (
        <Hint key={hint.index} session={session} step={step.index} hint={hint.index} number={hint.index + 1} />
      ))}
      <Group gap="xs">
        {next && !step.done && (
          <Button
            variant="default"
            size="xs"
            leftSection={<IconBulb size={15} />}
            loading={reveal.isPending}
            onClick={() => show(next.index)}
          >
            {next.cost > 0 ? t('help.revealFor', { count: next.cost }) : t('help.reveal')}
          </Button>
        )}
        {step.solutionOffered && <Solution session={session} step={step.index} />}
      </Group>
    </section>
  )
}

interface HintProps {
  session: string
  step: number
  hint: number
  number: number
}

function Hint({ session, step, hint, number }: HintProps) {
  const { t } = useTranslation()
  const { data, error } = useQuery(hintQuery(session, step, hint, true))
  return (
    <Alert color="yellow" icon={<IconBulb size={18} />} title={t('help.hint', { number })}>
      {data && <GuideText html={data.html} />}
      {error && <Text size="sm">{messageOf(error)}</Text>}
      {!data && !error && <Skeleton h={16} />}
    </Alert>
  )
}

function Solution({ session, step }: { session: string; step: number }) {
  const { t } = useTranslation()
  const [opened, { toggle }] = useDisclosure(false)
  const { data, error, isFetching } = useQuery(solutionQuery(session, step, opened))
  return (
    <>
      <Button
        variant="default"
        size="xs"
        leftSection={<IconKey size={15} />}
        loading={isFetching}
        aria-expanded={opened}
        onClick={toggle}
      >
        {opened ? t('help.hideSolution') : t('help.showSolution')}
      </Button>
      <Collapse expanded={opened} w="100%">
        <Alert color="gray" icon={<IconKey size={18} />} title={t('help.solution')}>
          {data && <GuideText html={data.html} />}
          {error && <Text size="sm">{messageOf(error)}</Text>}
        </Alert>
      </Collapse>
    </>
  )
}
