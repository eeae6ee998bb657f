import '@mantine/core/styles/Combobox.layer.css'
import '@mantine/core/styles/NumberInput.layer.css'
import '@mantine/core/styles/SimpleGrid.layer.css'
import '@mantine/core/styles/Checkbox.layer.css'
import '@mantine/core/styles/Fieldset.layer.css'
import { Alert, Button, Checkbox, Fieldset, Group, NumberInput, Select, SimpleGrid, Skeleton, Stack, Text, Textarea } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { Conflict, fieldsOf } from '@/components/Conflict'
import { Failure } from '@/components/Failure'
import { PoolKeys } from '@/components/PoolKeys'
import { ApiError, messageOf } from '@/lib/api/problem'
import type { PoolPeople } from '@/lib/api/types'
import {
  domainsOf, draftOf, modes, peopleQuery, roles, rules, rulesQuery, secondChanged, settingsChanged, usePool, type PoolDraft, type PoolRules, type Which,
} from '@/lib/pools'
import { useEdited, type Saved } from '@/lib/useEdited'

interface Props {
  which: Which
  /** Whether the reader may change the rules. */
  writes: boolean
}

/** The rules and keys of a user pool, with what a change does said before it is made. */
export function PoolSettings({ which, writes }: Props) {
  const { t } = useTranslation()
  const found = useQuery(rulesQuery(which))
  if (found.error && !found.data) return <Failure error={found.error} onRetry={() => void found.refetch()} />
  if (!found.data) return <Skeleton h={420} radius="lg" />
  const mine = writes && !found.data.shared
  return (
    <Stack gap="lg">
      {found.data.shared && (
        <Alert color="gray" variant="light">
          {t('pools.sharedText')}
        </Alert>
      )}
      <Form found={found.data} which={which} writes={mine} />
      <PoolKeys which={which} writes={mine} />
    </Stack>
  )
}

interface FormProps extends Props {
  found: PoolRules
}

function Form({ found, which, writes }: FormProps) {
  const { t } = useTranslation()
  const first = draftOf(found)
  const { mine: draft, base, theirs, set, takeTheirs, keepMine } = useEdited<PoolDraft, Saved<PoolDraft> & { etag: string }>(first, {
    draft: first,
    version: [found.version, found.mode, ...found.roles].join(' '),
    etag: found.version,
  })
  const before = base?.draft ?? first
  const { save } = usePool(which)
  const people = useQuery({ ...peopleQuery(which), enabled: writes })
  const part = { draft, set, error: save.error, writes }
  const submit = () => {
    save.mutate(
      { before, draft, version: base?.etag ?? found.version },
      { onSuccess: () => notifications.show({ color: 'green', message: t('pools.saved') }) },
    )
  }
  const choose = (choice: () => void) => () => {
    save.reset() // what was refused is answered by the choice
    choice()
  }
  const effects = effectsOf(t, before, draft, people.data)
  const complete = (draft.mode !== 'required_for' || draft.roles.length > 0) && (draft.signUp !== 'domains' || domainsOf(draft).length > 0)
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <Stack gap="md">
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md">
          <Passwords {...part} />
          <Second {...part} />
          <SignUp {...part} />
          <Lifetimes {...part} />
        </SimpleGrid>
        {writes && (
          <>
            <Effects effects={effects} />
            {theirs && <Conflict theirs={read(t, theirs)} mine={read(t, draft)} onTheirs={choose(takeTheirs)} onMine={choose(keepMine)} />}
            {save.error && !theirs && (
              <Alert color="red" variant="light" role="alert">
                {messageOf(save.error)}
              </Alert>
            )}
            <Group justify="flex-end">
              <Button type="submit" loading={save.isPending} disabled={effects.length === 0 || !complete || theirs !== undefined}>
                {t('pools.save')}
              </Button>
            </Group>
          </>
        )}
      </Stack>
    </form>
  )
}

/** A pool's rules as people read them. */
function read(t: TFunction, draft: PoolDraft): Record<string, string> {
  return fieldsOf({
    [t('pools.passwordMin')]: draft.passwordMin,
    [t('pools.second')]: t(`pools.mode.${draft.mode}`),
    [t('pools.roles')]: draft.mode === 'required_for' && draft.roles.map((role) => t(`pools.role.${role}`)),
    [t('pools.signUp')]: t(`pools.rule.${draft.signUp}`),
    [t('pools.domains')]: draft.domains,
    [t('pools.accessMinutes')]: draft.accessMinutes,
    [t('pools.idleHours')]: draft.refreshIdleHours,
    [t('pools.hours')]: draft.refreshHours,
  })
}

function Effects({ effects }: { effects: string[] }) {
  const { t } = useTranslation()
  return (
    <Alert color={effects.length > 0 ? 'yellow' : 'gray'} variant="light" title={t('pools.effects')} role="status" aria-live="polite">
      {effects.length === 0 ? (
        <Text size="sm">{t('pools.noEffects')}</Text>
      ) : (
        <ul style={{ margin: 0, paddingInlineStart: 18 }}>
          {effects.map((effect) => (
            <li key={effect}>{effect}</li>
          ))}
        </ul>
      )}
    </Alert>
  )
}

/** What saving a draft does, in sentences. */
function effectsOf(t: TFunction, before: PoolDraft, draft: PoolDraft, people: PoolPeople | undefined): string[] {
  const effects: string[] = []
  const differs = (...fields: (keyof PoolDraft)[]) => fields.some((field) => String(before[field]) !== String(draft[field]))
  if (differs('passwordMin')) effects.push(t('pools.effect.passwordMin', { count: Number(draft.passwordMin || 8) }))
  if (secondChanged(before, draft)) effects.push(secondEffect(t, draft, people))
  if (differs('signUp') || (draft.signUp === 'domains' && settingsChanged({ ...draft, domains: before.domains }, draft))) {
    effects.push(t(`pools.effect.${draft.signUp}`, { domains: domainsOf(draft).join(', ') }))
  }
  if (differs('accessMinutes')) effects.push(t('pools.effect.access', { count: Number(draft.accessMinutes || 10) }))
  if (differs('refreshIdleHours', 'refreshHours')) {
    effects.push(t('pools.effect.lifetimes', { idle: draft.refreshIdleHours || 168, hours: draft.refreshHours || 720 }))
  }
  return effects
}

function secondEffect(t: TFunction, draft: PoolDraft, people: PoolPeople | undefined): string {
  if (draft.mode === 'required_for') return t('pools.effect.required_for', { roles: draft.roles.map((role) => t(`pools.role.${role}`)).join(', ') })
  if (draft.mode !== 'required') return t(`pools.effect.${draft.mode}`)
  if (people?.more) return t('pools.effect.requiredMore', { count: people.without })
  return t('pools.effect.required', { count: people?.without ?? 0, people: people?.people ?? 0 })
}

interface PartProps {
  draft: PoolDraft
  set: (some: Partial<PoolDraft>) => void
  error: unknown
  writes: boolean
}

const wrong = (error: unknown, field: string) => (error instanceof ApiError ? error.field(field) : undefined)

function Passwords({ draft, set, error, writes }: PartProps) {
  const { t } = useTranslation()
  return (
    <Fieldset legend={t('pools.passwords')} radius="md" disabled={!writes}>
      <NumberInput
        label={t('pools.passwordMin')}
        description={t('pools.passwordMinText')}
        placeholder="8"
        min={12}
        max={64}
        allowDecimal={false}
        value={draft.passwordMin}
        error={wrong(error, 'passwordMin')}
        onChange={(value) => set({ passwordMin: value })}
      />
    </Fieldset>
  )
}

function Second({ draft, set, writes }: PartProps) {
  const { t } = useTranslation()
  return (
    <Fieldset legend={t('pools.second')} radius="md" disabled={!writes}>
      <Select
        aria-label={t('pools.second')}
        allowDeselect={false}
        data={modes.map((value) => ({ value, label: t(`pools.mode.${value}`) }))}
        value={draft.mode}
        onChange={(value) => value && set({ mode: value })}
      />
      {draft.mode === 'required_for' && (
        <Checkbox.Group mt="sm" label={t('pools.roles')} value={draft.roles} onChange={(chosen) => set({ roles: chosen })}>
          <SimpleGrid cols={2} spacing={6} mt={6}>
            {roles.map((role) => (
              <Checkbox key={role} value={role} label={t(`pools.role.${role}`)} />
            ))}
          </SimpleGrid>
        </Checkbox.Group>
      )}
    </Fieldset>
  )
}

function SignUp({ draft, set, error, writes }: PartProps) {
  const { t } = useTranslation()
  return (
    <Fieldset legend={t('pools.signUp')} radius="md" disabled={!writes}>
      <Select
        label={t('pools.signUpLabel')}
        allowDeselect={false}
        data={rules.map((value) => ({ value, label: t(`pools.rule.${value}`) }))}
        value={draft.signUp}
        onChange={(value) => value && set({ signUp: value })}
      />
      {draft.signUp === 'domains' && (
        <Textarea
          mt="sm"
          label={t('pools.domains')}
          placeholder="example.com"
          autosize
          minRows={2}
          maxRows={8}
          spellCheck={false}
          value={draft.domains}
          error={wrong(error, 'domains')}
          onChange={({ currentTarget: { value } }) => set({ domains: value })}
        />
      )}
    </Fieldset>
  )
}

function Lifetimes({ draft, set, error, writes }: PartProps) {
  const { t } = useTranslation()
  const field = (name: 'accessMinutes' | 'refreshIdleHours' | 'refreshHours', min: number, max: number, otherwise: number) => ({
    min,
    max,
    placeholder: String(otherwise),
    allowDecimal: false,
    value: draft[name],
    error: wrong(error, name),
    onChange: (value: string | number) => set({ [name]: value }),
  })
  return (
    <Fieldset legend={t('pools.lifetimes')} radius="md" disabled={!writes}>
      <SimpleGrid cols={{ base: 1, xs: 3 }} spacing="sm">
        <NumberInput label={t('pools.accessMinutes')} description={t('pools.accessText')} {...field('accessMinutes', 5, 60, 10)} />
        <NumberInput label={t('pools.idleHours')} description={t('pools.idleText')} {...field('refreshIdleHours', 1, 2160, 168)} />
        <NumberInput label={t('pools.hours')} description={t('pools.hoursText')} {...field('refreshHours', 1, 8760, 720)} />
      </SimpleGrid>
    </Fieldset>
  )
}
