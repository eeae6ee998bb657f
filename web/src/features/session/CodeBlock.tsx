import { ActionIcon, Button, CopyButton, Tooltip } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconCheck, IconCopy, IconFilePlus, IconPlayerPlayFilled } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { messageOf } from '@/lib/api/problem'
import { useLabActions } from './actions'
import classes from './CodeBlock.module.css'

interface Block {
  kind: 'run' | 'copy' | 'file' | 'plain'
  code: string
  path: string
  terminal: string
  interrupt: boolean
  copies: boolean
}

function blockOf({ dataset, textContent }: HTMLElement): Block {
  const kind = dataset.kind
  return {
    kind: kind === 'run' || kind === 'copy' || kind === 'file' ? kind : 'plain',
    code: textContent.replace(/\n$/, ''),
    path: dataset.path ?? '',
    terminal: dataset.terminal ?? '1',
    interrupt: dataset.interrupt !== undefined,
    copies: dataset.nocopy === undefined,
  }
}

/** Puts the setup's values in place of {{env:NAME}}; an unknown one stays to be seen. */
function fill(code: string, env: Record<string, string>): string {
  return code.replaceAll(/\{\{env:([A-Za-z_][A-Za-z0-9_]{0,63})\}\}/g, (marker, name: string) => env[name] ?? marker)
}

/** A fenced block of the text: runs in a terminal, becomes a file, or is there to be copied or read. */
export function CodeBlock({ block }: { block: HTMLElement }) {
  const { t } = useTranslation()
  const actions = useLabActions()
  const [sent, setSent] = useState(0)
  const { kind, path, terminal, interrupt, copies, ...read } = blockOf(block)
  const code = fill(read.code, actions.env)
  const run = () => {
    actions.run(code, terminal, interrupt)
    setSent((n) => n + 1)
  }
  const runs = kind === 'run' && actions.ready
  return (
    <div className={classes.block} data-kind={kind}>
      {kind === 'file' && (
        <div className={classes.file}>
          <span className={classes.path}>{path}</span>
          <WriteButton path={path} code={code} />
          {copies && <CopyTool code={code} />}
        </div>
      )}
      <pre
        tabIndex={0}
        className={classes.code}
        data-runs={runs || undefined}
        onClick={() => {
          if (runs && window.getSelection()?.isCollapsed) run()
        }}
      >
        <code>{code}</code>
      </pre>
      <div className={classes.tools}>
        {kind === 'run' && (
          <Tooltip label={actions.ready ? t('block.runIn', { terminal }) : t('block.notReady')}>
            <Button
              size="compact-xs"
              key={sent}
              className={sent > 0 ? classes.sent : undefined}
              leftSection={<IconPlayerPlayFilled size={11} />}
              aria-disabled={!actions.ready}
              data-disabled={!actions.ready || undefined}
              onClick={actions.ready ? run : undefined}
            >
              {interrupt ? t('block.stopAndRun') : t('block.run')}
            </Button>
          </Tooltip>
        )}
        {kind !== 'file' && copies && <CopyTool code={code} />}
      </div>
    </div>
  )
}

function CopyTool({ code }: { code: string }) {
  const { t } = useTranslation()
  return (
    <CopyButton value={code} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? t('block.copied') : t('block.copy')}>
          <ActionIcon variant="subtle" color={copied ? 'green' : 'gray'} size={24} aria-label={t('block.copy')} onClick={copy}>
            {copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  )
}

function WriteButton({ path, code }: { path: string; code: string }) {
  const { t } = useTranslation()
  const { ready, writeFile } = useLabActions()
  const [writing, setWriting] = useState(false)
  const write = async () => {
    setWriting(true)
    try {
      await writeFile(path, code + '\n')
      notifications.show({ color: 'green', message: t('block.written', { path }) })
    } catch (error) {
      notifications.show({ color: 'red', title: t('block.notWritten', { path }), message: messageOf(error) })
    } finally {
      setWriting(false)
    }
  }
  return (
    <Button
      size="compact-xs"
      loading={writing}
      aria-disabled={!ready}
      data-disabled={!ready || undefined}
      leftSection={<IconFilePlus size={13} />}
      onClick={ready ? () => void write() : undefined}
    >
      {t('block.write')}
    </Button>
  )
}
