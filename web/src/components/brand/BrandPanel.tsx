import '@mantine/core/styles/Alert.layer.css'
import { Alert, Button, Group, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useQuery, type UseMutationResult } from '@tanstack/react-query'
import type { TFunction } from 'i18next'
import type { ReactNode, SubmitEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { Conflict, fieldsOf } from '@/components/Conflict'
import { ApiError, messageOf } from '@/lib/api/problem'
import type { OwnBrand } from '@/lib/api/types'
import { useEdited } from '@/lib/useEdited'
import { coloursQuery } from './api'
import classes from './Brand.module.css'
import { BrandPreview } from './BrandPreview'
import { ColourField } from './ColourField'
import { cleaned, colourOf, coloursOf, isOwn, type Draft } from './draft'
import { LogoField } from './LogoField'

interface Props {
  brand: OwnBrand
  /** What this brand is and who sees it. */
  text: string
  /** What stands above the form, such as that the plan has no brand. */
  notice?: ReactNode
  /** False where the plan has no brand: what is there is shown and cannot be changed. */
  allowed: boolean
  save: UseMutationResult<unknown, Error, Draft>
  setLogo: UseMutationResult<unknown, Error, string>
  removeLogo: UseMutationResult<unknown, Error, void>
}

/** A brand with what it will look like: an organisation's, or the provider's. */
export function BrandPanel({ brand, text, notice, allowed, save, setLogo, removeLogo }: Props) {
  const { t } = useTranslation()
  const { mine: draft, changed, theirs, set, takeTheirs, keepMine } = useEdited(brand.settings, { draft: brand.settings, version: JSON.stringify(brand.settings) })
  const [wanted] = useDebouncedValue(coloursOf(draft, brand.below), 150)
  const colours = useQuery(coloursQuery(wanted.primary, wanted.accent))
  const dirty = changed && JSON.stringify(cleaned(draft)) !== JSON.stringify(brand.settings)
  const choose = (choice: () => void) => () => {
    save.reset() // what was refused is answered by the choice
    choice()
  }
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const body = cleaned(draft)
    set(body) // as it is saved: what then is read is not another's
    save.mutate(body, {
      onSuccess: () => {
        notifications.show({ color: 'green', title: t('brand.saved'), message: t('brand.savedText') })
      },
    })
  }
  const wrong = (name: keyof Draft) => (save.error instanceof ApiError ? save.error.field(name) : undefined)
  const general = save.error && !(save.error instanceof ApiError && save.error.fields.length > 0) ? messageOf(save.error) : undefined
  const field = (name: keyof Draft) => ({
    value: draft[name],
    error: wrong(name),
    disabled: !allowed,
    onChange: (value: string) => set({ [name]: value }),
  })
  const typed = (name: keyof Draft) => {
    const { onChange, ...rest } = field(name)
    return { ...rest, onChange: ({ currentTarget: { value } }: { currentTarget: { value: string } }) => onChange(value) }
  }
  return (
    <>
      <Title order={2} fz="lg">
        {t('brand.title')}
      </Title>
      <Text size="sm" c="dimmed" mb="md">
        {text}
      </Text>
      {notice}
      <div className={classes.columns}>
        <form onSubmit={submit} className={classes.form} aria-label={t('brand.title')}>
          <TextInput label={t('brand.name')} description={t('brand.nameText')} placeholder={brand.below.title} maxLength={60} {...typed('title')} />
          <LogoField brand={brand} allowed={allowed} set={setLogo} remove={removeLogo} />
          <ColourField label={t('brand.primary')} description={t('brand.primaryText')} below={brand.below.primary} {...field('primary')} />
          <ColourField label={t('brand.accent')} description={t('brand.accentText')} below={brand.below.accent} {...field('accent')} />
          <Notices draft={draft} notices={colours.data?.notices ?? brand.notices} />
          <TextInput label={t('brand.support')} description={t('brand.supportText')} placeholder="help@example.com" maxLength={300} autoCapitalize="none" spellCheck={false} {...typed('support')} />
          <TextInput label={t('brand.terms')} placeholder="https://example.com/terms" inputMode="url" maxLength={300} autoCapitalize="none" spellCheck={false} {...typed('terms')} />
          <TextInput label={t('brand.privacy')} placeholder="https://example.com/privacy" inputMode="url" maxLength={300} autoCapitalize="none" spellCheck={false} {...typed('privacy')} />
          {theirs && <Conflict theirs={read(t, theirs)} mine={read(t, draft)} onTheirs={choose(takeTheirs)} onMine={choose(keepMine)} />}
          {general && !theirs && (
            <Alert color="red" variant="light" role="alert">
              {general}
            </Alert>
          )}
          {allowed && (
            <Group>
              <Button type="submit" loading={save.isPending} disabled={!dirty || theirs !== undefined}>
                {t('brand.save')}
              </Button>
              {dirty && (
                <Button variant="default" onClick={() => set(brand.settings)}>
                  {t('brand.discard')}
                </Button>
              )}
            </Group>
          )}
        </form>
        <BrandPreview brand={brand} draft={draft} own={isOwn(draft, brand.hasLogo)} light={colours.data?.light ?? brand.shown.light} dark={colours.data?.dark ?? brand.shown.dark} />
      </div>
    </>
  )
}

/** A brand's fields as people read them. */
function read(t: TFunction, draft: Draft): Record<string, string> {
  return fieldsOf(Object.fromEntries((['title', 'primary', 'accent', 'support', 'terms', 'privacy'] as const).map((name) => [t(name === 'title' ? 'brand.name' : `brand.${name}`), draft[name]])))
}

/** Which colours will be shown in other shades, and why: said while they are typed. */
function Notices({ draft, notices }: { draft: Draft; notices: OwnBrand['notices'] }) {
  const { t, i18n } = useTranslation()
  const own = notices.filter(({ colour }) => colourOf(draft[colour]))
  const chosen = colourOf(draft.primary) ?? colourOf(draft.accent)
  const ratio = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 1 })
  return (
    <div role="status" className={classes.notices}>
      {own.length === 0 ? (
        chosen && (
          <Text size="sm" c="dimmed">
            {t('brand.contrastGood')}
          </Text>
        )
      ) : (
        <ul>
          {own.map(({ scheme, colour, contrast, wanted, shown }) => (
            <li key={scheme + colour}>
              <svg width="14" height="14" aria-hidden>
                <rect width="14" height="14" rx="4" fill={shown} />
              </svg>
              <span>{t(`brand.shade.${scheme}.${colour}`, { shown, contrast: ratio.format(Math.floor(contrast * 10) / 10), wanted: ratio.format(wanted) })}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
