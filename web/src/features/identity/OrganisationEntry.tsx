import { Button, Text, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState, type SubmitEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { TextLink } from '@/components/links'
import { messageOf } from '@/lib/api/problem'
import { signInAt } from '@/lib/auth'
import { ask, questionOf } from '@/lib/directory'
import classes from './Landing.module.css'

/** Finds somebody's organisation by its name or by their e-mail address, and goes to its sign-in page. */
export function OrganisationEntry() {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const enter = useMutation({
    mutationFn: async (text: string) => {
      await signInAt(await ask(questionOf(text)), text.includes('@') ? text : undefined)
      return new Promise(() => undefined) // the page is leaving
    },
  })
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    enter.mutate(typed.trim())
  }
  return (
    <form className={classes.entry} onSubmit={submit}>
      <TextInput
        required
        withAsterisk={false}
        label={t('landing.yours')}
        description={t('landing.yoursText')}
        inputContainer={(input) => (
          <div className={classes.field}>
            {input}
            <Button type="submit" variant="default" loading={enter.isPending}>
              {t('landing.continue')}
            </Button>
          </div>
        )}
        autoComplete="email"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={254}
        value={typed}
        error={enter.error && messageOf(enter.error)}
        onChange={({ currentTarget: { value } }) => {
          setTyped(value)
          enter.reset()
        }}
      />
      <Text mt="sm" size="sm">
        {t('landing.organisation')} <TextLink to="/register">{t('landing.register')}</TextLink>
      </Text>
    </form>
  )
}
