import '@mantine/core/styles/Code.layer.css'
import { Button, Code, Group, Text } from '@mantine/core'
import { Dialog } from '@/components/Dialog'
import type { Terminal } from '@xterm/xterm'
import { useEffect, useState, type RefObject } from 'react'
import { useTranslation } from 'react-i18next'
import classes from './Terminal.module.css'

type Pasted = [string | undefined, (text: string | undefined) => void]

/**
 * Holds back pasted text that would run at once, line by line. A shell in bracketed paste mode takes several lines
 * without running them, so it needs no guard.
 */
export function useMultilinePaste(host: RefObject<HTMLDivElement | null>, term: Terminal | undefined): Pasted {
  const [pasted, setPasted] = useState<string>()
  useEffect(() => {
    const element = host.current
    if (!element || !term) return
    const guard = (event: ClipboardEvent) => {
      const text = event.clipboardData?.getData('text/plain') ?? ''
      if (term.modes.bracketedPasteMode || !runsAtOnce(text)) return
      event.preventDefault()
      event.stopPropagation()
      setPasted(text)
    }
    element.addEventListener('paste', guard, { capture: true })
    return () => element.removeEventListener('paste', guard, { capture: true })
  }, [host, term])
  return [pasted, setPasted]
}

/** A line break runs what stands before it, at the end of a single line too. */
export function runsAtOnce(text: string): boolean {
  return /[\r\n]/.test(text)
}

interface Props {
  text: string | undefined
  onPaste: (text: string) => void
  onClose: () => void
}

export function PasteGuard({ text, onPaste, onClose }: Props) {
  const { t } = useTranslation()
  const lines = text?.trimEnd().split(/\r\n|\r|\n/).length ?? 0
  const paste = () => {
    if (text !== undefined) onPaste(text)
    onClose()
  }
  return (
    <Dialog opened={text !== undefined} onClose={onClose} title={t('terminal.paste.title', { count: lines })} returnFocus={false}>
      <Text size="sm">{t('terminal.paste.text')}</Text>
      <Code block my="md" className={classes.preview} tabIndex={0}>
        {text?.slice(0, 4000)}
      </Code>
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          {t('actions.cancel')}
        </Button>
        <Button data-autofocus onClick={paste}>
          {t('terminal.paste.confirm')}
        </Button>
      </Group>
    </Dialog>
  )
}
