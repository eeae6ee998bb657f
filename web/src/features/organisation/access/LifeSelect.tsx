import '@mantine/core/styles/Input.layer.css'
import { NativeSelect } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { lives } from './api'

interface Props {
  days: number
  /** The longest that the API takes. */
  most: number
  onChange: (days: number) => void
}

/** How long a secret is good. */
export function LifeSelect({ days, most, onChange }: Props) {
  const { t } = useTranslation()
  return (
    <NativeSelect
      label={t('access.days')}
      value={String(days)}
      onChange={({ currentTarget: { value } }) => onChange(Number(value))}
      data={lives.filter((life) => life <= most).map((life) => ({ value: String(life), label: t('access.dayCount', { count: life }) }))}
    />
  )
}
