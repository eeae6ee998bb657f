import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/NumberInput.layer.css'
import { Alert, Button, Group, NumberInput, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { ApiError, messageOf } from '@/lib/api/problem'
import { useProgramLimits } from './api'
import { type Program, programLimits } from './UsagePanel'

/** Sets what one API key or machine client may; an empty field leaves it to the plan. */
export function ProgramLimitsDialog({ program, onClose }: { program: Program; onClose: () => void }) {
  const { t } = useTranslation()
  const change = useProgramLimits()
  const [draft, setDraft] = useState<Partial<Record<(typeof programLimits)[number], number | string>>>({ ...program.limits })
  return (
    <Dialog opened onClose={onClose} title={t('usage.setOf', { name: program.name ?? program.id.slice(0, 8) })}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          const limits = Object.fromEntries(programLimits.flatMap((name) => (typeof draft[name] === 'number' ? [[name, draft[name]]] : [])))
          change.mutate({ program: program.id, limits }, { onSuccess: onClose })
        }}
      >
        <Stack gap="md">
          <Text size="sm">{t('usage.means')}</Text>
          {programLimits.map((name, index) => (
            <NumberInput
              key={name}
              data-autofocus={index === 0 || undefined}
              label={t(`organisation.limit.${name}`)}
              placeholder={t('usage.asPlan')}
              min={0}
              allowDecimal={false}
              thousandSeparator=" "
              value={draft[name] ?? ''}
              error={change.error instanceof ApiError ? change.error.field(name) : undefined}
              onChange={(value) => setDraft({ ...draft, [name]: value })}
            />
          ))}
          {change.error && (
            <Alert color="red" variant="light" role="alert">
              {messageOf(change.error)}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('actions.cancel')}
            </Button>
            <Button type="submit" loading={change.isPending}>
              {t('usage.save')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
