import '@mantine/core/styles/Combobox.layer.css'
import '@mantine/core/styles/NumberInput.layer.css'
import '@mantine/core/styles/SimpleGrid.layer.css'
import '@mantine/core/styles/Checkbox.layer.css'
import '@mantine/core/styles/Fieldset.layer.css'
import '@mantine/core/styles/Switch.layer.css'
import { Alert, Button, Checkbox, Fieldset, Group, NumberInput, Select, SimpleGrid, Skeleton, Stack, Switch, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { Conflict, fieldsOf } from '@/components/Conflict'
import { Dialog } from '@/components/Dialog'
import { Failure } from '@/components/Failure'
import { ApiError, messageOf } from '@/lib/api/problem'
import type { Tier } from '@/lib/api/types'
import { limitNames } from '@/lib/limits'
import { digitsOf } from '@/lib/money'
import { useEdited, type Saved } from '@/lib/useEdited'
import { bodyOf, complete, draftOf, features, nameOfTier, newDraft, type TierDraft } from './tierForm'
import { tierQuery, useTiers } from './tiers'

interface Props {
  /** Undefined for a tier that is to be made. */
  name: string | undefined
  /** Where a new one stands. */
  position: number
  onClose: () => void
}

/** A tier's fields, new or as they are right now. */
export function TierDialog({ name, position, onClose }: Props) {
  const { t } = useTranslation()
  return (
    <Dialog opened onClose={onClose} size="lg" title={name ? t('tiers.editTitle', { name }) : t('tiers.new')}>
      {name ? <Existing name={name} onClose={onClose} /> : <Form draft={newDraft(position)} onClose={onClose} />}
    </Dialog>
  )
}

function Existing({ name, onClose }: { name: string; onClose: () => void }) {
  const found = useQuery(tierQuery(name))
  if (found.error && !found.data) return <Failure error={found.error} onRetry={() => void found.refetch()} />
  if (!found.data) return <Skeleton h={420} radius="md" />
  const { tier, version } = found.data
  return <Form before={tier} saved={{ draft: draftOf(tier), version }} draft={draftOf(tier)} onClose={onClose} />
}

interface FormProps {
  draft: TierDraft
  /** The tier as it is now; none: a new one. */
  before?: Tier
  saved?: Saved<TierDraft>
  onClose: () => void
}

function Form({ draft: first, before, saved, onClose }: FormProps) {
  const { t } = useTranslation()
  const { mine: draft, base, theirs, set, takeTheirs, keepMine } = useEdited(first, saved)
  const version = base?.version
  const { add, change } = useTiers()
  const { error, isPending } = version === undefined ? add : change
  const submit = () => {
    const onSuccess = () => {
      notifications.show({ color: 'green', message: t('tiers.saved', { title: draft.title }) })
      onClose()
    }
    const body = bodyOf(draft, before)
    if (version === undefined) add.mutate({ name: draft.name, body }, { onSuccess })
    else change.mutate({ name: draft.name, version, body }, { onSuccess })
  }
  const choose = (choice: () => void) => () => {
    change.reset() // what was refused is answered by the choice
    choice()
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <Stack gap="md">
        <Words draft={draft} set={set} fresh={version === undefined} error={error} />
        <Terms draft={draft} set={set} fresh={version === undefined} />
        <Bounds draft={draft} set={set} error={error} />
        <Checkbox.Group label={t('tiers.features')} value={draft.features} onChange={(chosen) => set({ features: chosen })}>
          <Stack gap={8} mt={6}>
            {features.map((feature) => (
              <Checkbox key={feature} value={feature} label={t(`tiers.feature.${feature}`)} />
            ))}
          </Stack>
        </Checkbox.Group>
        <Switch
          label={t('tiers.publicLabel')}
          description={t('tiers.publicText')}
          checked={draft.public}
          onChange={({ currentTarget: { checked } }) => set({ public: checked })}
        />
        {theirs && <Conflict theirs={read(t, theirs)} mine={read(t, draft)} onTheirs={choose(takeTheirs)} onMine={choose(keepMine)} />}
        {error && !theirs ? (
          <Alert color="red" variant="light" role="alert">
            {messageOf(error)}
          </Alert>
        ) : null}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t('actions.cancel')}
          </Button>
          <Button type="submit" disabled={!complete(draft) || theirs !== undefined} loading={isPending}>
            {t('profile.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** A tier's fields as people read them. */
function read(t: TFunction, draft: TierDraft): Record<string, string> {
  const { title, summary, position, price, currency, limits } = draft
  return fieldsOf({
    [t('tiers.title')]: title,
    [t('tiers.summary')]: summary,
    [t('tiers.position')]: position,
    [t('tiers.month')]: `${price} ${currency}`,
    ...Object.fromEntries(limitNames.map((name) => [t(`organisation.limit.${name}`), limits[name]])),
    [t('tiers.features')]: features.filter((name) => draft.features.includes(name)).map((name) => t(`tiers.feature.${name}`)),
    [t('tiers.publicLabel')]: t(draft.public ? 'providers.on' : 'providers.off'),
  })
}

interface PartProps {
  draft: TierDraft
  set: (some: Partial<TierDraft>) => void
  fresh?: boolean
  error?: unknown
}

function Words({ draft, set, fresh, error }: PartProps) {
  const { t } = useTranslation()
  const field = (name: string) => (error instanceof ApiError ? error.field(name) : undefined)
  const wrongName = draft.name !== '' && !nameOfTier.test(draft.name)
  return (
    <>
      {fresh && (
        <TextInput
          data-autofocus
          required
          label={t('tiers.name')}
          description={t('tiers.nameText')}
          maxLength={39}
          value={draft.name}
          error={wrongName && t('tiers.nameWrong')}
          onChange={({ currentTarget: { value } }) => set({ name: value.toLowerCase() })}
        />
      )}
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <TextInput
          data-autofocus={!fresh || undefined}
          required
          label={t('tiers.title')}
          maxLength={60}
          value={draft.title}
          error={field('title')}
          onChange={({ currentTarget: { value } }) => set({ title: value })}
        />
        <NumberInput label={t('tiers.position')} allowDecimal={false} min={0} max={1000} value={draft.position} onChange={(value) => set({ position: value })} />
      </SimpleGrid>
      <TextInput label={t('tiers.summary')} maxLength={300} value={draft.summary} onChange={({ currentTarget: { value } }) => set({ summary: value })} />
    </>
  )
}

/** Price and place. */
function Terms({ draft, set, fresh }: PartProps) {
  const { t } = useTranslation()
  const digits = digitsOf(draft.currency)
  return (
    <SimpleGrid cols={{ base: 2, xs: 3 }}>
      <NumberInput
        required
        label={t('tiers.month')}
        min={0}
        decimalScale={digits}
        fixedDecimalScale
        thousandSeparator=" "
        value={draft.price}
        onChange={(value) => set({ price: value })}
      />
      <TextInput
        required
        label={t('tiers.currency')}
        maxLength={3}
        value={draft.currency}
        onChange={({ currentTarget: { value } }) => set({ currency: value.toUpperCase().replace(/[^A-Z]/g, '') })}
      />
      <Select
        label={t('tenants.placementTitle')}
        description={fresh ? undefined : t('tiers.placementStays')}
        inputWrapperOrder={['label', 'input', 'description']}
        disabled={!fresh}
        allowDeselect={false}
        data={(['pool', 'silo'] as const).map((value) => ({ value, label: t(`tenants.placement.${value}`) }))}
        value={draft.placement}
        onChange={(value) => value && set({ placement: value })}
      />
    </SimpleGrid>
  )
}

function Bounds({ draft, set, error }: PartProps) {
  const { t } = useTranslation()
  return (
    <Fieldset legend={t('tiers.limits')} radius="md">
      <SimpleGrid cols={{ base: 1, xs: 2 }} verticalSpacing="sm">
        {limitNames.map((name) => (
          <NumberInput
            key={name}
            label={t(`organisation.limit.${name}`)}
            placeholder={t('tiers.unbounded')}
            min={0}
            allowDecimal={name === 'storage'}
            decimalScale={name === 'storage' ? 3 : 0}
            suffix={name === 'storage' ? ' GiB' : undefined}
            thousandSeparator=" "
            value={draft.limits[name]}
            error={error instanceof ApiError ? error.field(`limits.${name}`) : undefined}
            onChange={(value) => set({ limits: { ...draft.limits, [name]: value } })}
          />
        ))}
      </SimpleGrid>
    </Fieldset>
  )
}
