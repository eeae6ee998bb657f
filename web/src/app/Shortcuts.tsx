import '@mantine/core/styles/Table.layer.css'
import { Kbd, Table } from '@mantine/core'
import { Dialog } from '@/components/Dialog'
import { useTranslation } from 'react-i18next'
import classes from './Shortcuts.module.css'

const general = [
  { keys: ['Ctrl', 'K'], text: 'palette' },
  { keys: ['/'], text: 'search' },
  { keys: ['?'], text: 'help' },
] as const

const terminal = [
  { keys: ['F6'], text: 'leave' },
  { keys: ['Ctrl', 'Shift', 'F'], text: 'find' },
  { keys: ['Ctrl', 'Shift', 'C'], text: 'copy' },
  { keys: ['Ctrl', 'Shift', 'V'], text: 'paste' },
  { keys: ['Ctrl', 'Shift', '+'], text: 'larger' },
  { keys: ['Ctrl', 'Shift', '-'], text: 'smaller' },
] as const

/** "?" lists what the keyboard can do. */
export function Shortcuts({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation()
  return (
    <Dialog opened={opened} onClose={onClose} title={t('shortcuts.title')} size="md">
      <Keys title={t('shortcuts.general')} keys={general} />
      <Keys title={t('shortcuts.inTerminal')} keys={terminal} />
    </Dialog>
  )
}

function Keys({ title, keys }: { title: string; keys: typeof general | typeof terminal }) {
  const { t } = useTranslation()
  return (
    <section className={classes.section}>
      <h3>{title}</h3>
      <Table verticalSpacing={6} horizontalSpacing={0} withRowBorders={false} highlightOnHover={false}>
        <Table.Tbody>
          {keys.map((shortcut) => (
            <Table.Tr key={shortcut.text}>
              <Table.Td>{t(`shortcuts.${shortcut.text}`)}</Table.Td>
              <Table.Td ta="right">
                {shortcut.keys.map((key) => (
                  <Kbd key={key} ml={4}>
                    {key}
                  </Kbd>
                ))}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  )
}
