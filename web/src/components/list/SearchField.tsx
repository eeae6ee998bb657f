import { CloseButton, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { useEffect, useState, type Ref } from 'react'
import { useTranslation } from 'react-i18next'
import classes from './List.module.css'

interface Props {
  ref?: Ref<HTMLInputElement>
  label: string
  /** What is searched for now; it may change by other means, such as a filter that is taken away. */
  value: string | undefined
  onChange: (value: string | undefined) => void
}

/** Searches a moment after the last key. */
export function SearchField({ ref, label, value = '', onChange }: Props) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState(value)
  const [known, setKnown] = useState(value)
  if (value !== known) {
    setKnown(value)
    if (value !== typed.trim()) setTyped(value)
  }
  const send = useDebouncedCallback((text: string) => onChange(text || undefined), 200)
  useEffect(() => () => send.cancel(), [send])
  const change = (text: string) => {
    setTyped(text)
    send(text.trim())
  }
  return (
    <TextInput
      ref={ref}
      type="search"
      className={classes.search}
      aria-label={label}
      placeholder={label}
      maxLength={100}
      leftSection={<IconSearch size={16} />}
      rightSection={typed && <CloseButton size="sm" aria-label={t('list.clearSearch')} onClick={() => change('')} />}
      value={typed}
      onChange={({ currentTarget }) => change(currentTarget.value)}
    />
  )
}
