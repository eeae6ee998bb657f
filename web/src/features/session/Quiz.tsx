import { Button, Checkbox, Group, Radio, Stack } from '@mantine/core'
import { IconCircleCheckFilled, IconX } from '@tabler/icons-react'
import { useState, type SyntheticEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { notifyError } from '@/components/notify'
import type { Check, Question } from '@/lib/api/types'
import { useAnswerQuiz } from './api'
import classes from './Quiz.module.css'

/** Under this name a step's quiz is one of its checks. */
export const quizName = 'quiz'

interface Props {
  session: string
  questions: Question[]
  check: Check
  ready: boolean
}

/** The questions of a step. Which answers are right is known to the server alone. */
export function Quiz({ session, questions, check, ready }: Props) {
  const { t } = useTranslation()
  const [chosen, setChosen] = useState<number[][]>(() => questions.map(() => []))
  const answer = useAnswerQuiz(session, check.step)
  const passed = check.state === 'passed'
  const right = answer.data?.right
  const choose = (question: number, answers: number[]) => {
    setChosen(chosen.map((before, index) => (index === question ? answers : before)))
    answer.reset()
  }
  const submit = (event: SyntheticEvent) => {
    event.preventDefault()
    answer.mutate(chosen, { onError: notifyError })
  }
  return (
    <form className={classes.quiz} data-state={check.state} data-testid={`check-${check.step}-${quizName}`} onSubmit={submit}>
      <h2>{t('quiz.title')}</h2>
      {questions.map((question, index) => (
        <div key={question.ask} className={classes.question}>
          <Answers question={question} chosen={chosen[index] ?? []} disabled={passed || !ready} onChoose={(a) => choose(index, a)} />
          {right && !passed && <Verdict right={right[index] ?? false} />}
        </div>
      ))}
      <div role="status" className={classes.passed}>
        {passed && (
          <>
            <IconCircleCheckFilled size={18} aria-hidden /> {t('quiz.passed')}
          </>
        )}
      </div>
      {!passed && (
        <Group>
          <Button type="submit" size="sm" variant="light" loading={answer.isPending} disabled={!ready || chosen.some((a) => a.length === 0)}>
            {t('quiz.submit')}
          </Button>
        </Group>
      )}
    </form>
  )
}

interface AnswersProps {
  question: Question
  chosen: number[]
  disabled: boolean
  onChoose: (answers: number[]) => void
}

function Answers({ question, chosen, disabled, onChoose }: AnswersProps) {
  const { t } = useTranslation()
  const values = chosen.map(String)
  const options = question.answers.map((text, index) => ({ text, value: String(index) }))
  if (question.several) {
    const change = (next: string[]) => onChoose(next.map(Number).sort((a, b) => a - b))
    return (
      <Checkbox.Group label={question.ask} description={t('quiz.several')} value={values} onChange={change}>
        <Stack gap={8} mt="xs">
          {options.map(({ text, value }) => (
            <Checkbox key={value} value={value} label={text} disabled={disabled} />
          ))}
        </Stack>
      </Checkbox.Group>
    )
  }
  return (
    <Radio.Group label={question.ask} description={t('quiz.one')} value={values[0] ?? ''} onChange={(value) => onChoose([Number(value)])}>
      <Stack gap={8} mt="xs">
        {options.map(({ text, value }) => (
          <Radio key={value} value={value} label={text} disabled={disabled} />
        ))}
      </Stack>
    </Radio.Group>
  )
}

function Verdict({ right }: { right: boolean }) {
  const { t } = useTranslation()
  return (
    <div role="status" className={classes.verdict} data-right={right || undefined}>
      {right ? <IconCircleCheckFilled size={16} aria-hidden /> : <IconX size={16} aria-hidden />}
      {t(right ? 'quiz.right' : 'quiz.wrong')}
    </div>
  )
}
