import { ActionIcon, CloseButton, Text, TextInput } from '@mantine/core'
import type { ISearchOptions, SearchAddon } from '@xterm/addon-search'
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import classes from './Terminal.module.css'

interface Props {
  search: SearchAddon
  onClose: () => void
}

const options: ISearchOptions = {
  decorations: {
    matchBackground: '#7a6a1f',
    matchOverviewRuler: '#c9a227',
    activeMatchBackground: '#c9a227',
    activeMatchColorOverviewRuler: '#ffd43b',
  },
}

/** Finds text in the terminal's screen and scrollback. */
export function SearchBar({ search, onClose }: Props) {
  const { t } = useTranslation()
  const [term, setTerm] = useState('')
  const [found, setFound] = useState({ resultIndex: -1, resultCount: 0 })

  useEffect(() => {
    const results = search.onDidChangeResults(setFound)
    return () => results.dispose()
  }, [search])

  const next = () => search.findNext(term, options)
  const previous = () => search.findPrevious(term, options)
  return (
    <div
      className={classes.search}
      role="search"
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose()
        if (event.key === 'Enter') (event.shiftKey ? previous : next)()
      }}
    >
      <TextInput
        size="xs"
        data-autofocus
        autoFocus
        aria-label={t('terminal.search')}
        placeholder={t('terminal.searchPlaceholder')}
        value={term}
        onChange={({ currentTarget: { value } }) => {
          setTerm(value)
          search.findNext(value, { ...options, incremental: true })
        }}
      />
      <Text size="xs" c="dimmed" role="status" miw={48} ta="center">
        {term && t('terminal.found', { at: found.resultIndex + 1, count: found.resultCount })}
      </Text>
      <ActionIcon variant="subtle" color="gray" size="sm" aria-label={t('terminal.previous')} onClick={previous}>
        <IconArrowUp size={14} />
      </ActionIcon>
      <ActionIcon variant="subtle" color="gray" size="sm" aria-label={t('terminal.next')} onClick={next}>
        <IconArrowDown size={14} />
      </ActionIcon>
      <CloseButton size="sm" aria-label={t('actions.close')} onClick={onClose} />
    </div>
  )
}
