import { TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import classes from './Brand.module.css'
import { colourOf } from './draft'

interface Props {
  label: string
  description: string
  value: string
  /** What is shown while the field is empty. */
  below: string
  error?: string
  disabled: boolean
  onChange: (value: string) => void
}

/** A colour, typed as #rrggbb or picked with whatever the browser has for it. */
export function ColourField({ label, description, value, below, error, disabled, onChange }: Props) {
  const { t } = useTranslation()
  return (
    <TextInput
      label={label}
      description={description}
      placeholder={below}
      value={value}
      error={error ?? (value.trim() !== '' && value.length >= 7 && !colourOf(value) ? t('brand.noColour') : undefined)}
      disabled={disabled}
      maxLength={9}
      autoCapitalize="none"
      autoComplete="off"
      spellCheck={false}
      leftSectionWidth={44}
      leftSectionPointerEvents="auto"
      leftSection={
        <input
          type="color"
          className={classes.picker}
          aria-label={t('brand.pick', { name: label })}
          value={colourOf(value) ?? below}
          disabled={disabled}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      }
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}
