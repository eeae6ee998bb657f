import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Combobox.layer.css'
import '@mantine/core/styles/Pill.layer.css'
import '@mantine/core/styles/PillsInput.layer.css'
import '@mantine/core/styles/FloatingIndicator.layer.css'
import '@mantine/core/styles/SegmentedControl.layer.css'
import { Alert, Badge, Button, FileButton, Group, MultiSelect, SegmentedControl, Select, Stack, Table, Text, Textarea, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconFileSpreadsheet } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { messageOf } from '@/lib/api/problem'
import type { InvitationReport, Me } from '@/lib/api/types'
import { roles, type Role } from './api'
import classes from './Organisation.module.css'
import { groupsQuery, useInvitations } from './people'

interface Props {
  me: Me
  onClose: () => void
}

/** Invites one person, or everybody on a list, whose lines are reported one by one. */
export function InviteDialog({ me, onClose }: Props) {
  const { t } = useTranslation()
  const [many, setMany] = useState(false)
  return (
    <Dialog opened onClose={onClose} title={t('invite.title')} size="lg" centered>
      <Stack gap="md">
        <SegmentedControl
          aria-label={t('invite.how')}
          data={[
            { value: 'one', label: t('invite.one') },
            { value: 'many', label: t('invite.many') },
          ]}
          value={many ? 'many' : 'one'}
          onChange={(value) => setMany(value === 'many')}
        />
        {many ? <ListForm me={me} onClose={onClose} /> : <PersonForm me={me} onClose={onClose} />}
      </Stack>
    </Dialog>
  )
}

/** The roles that the caller may give. */
function useRoles(me: Me) {
  const { t } = useTranslation()
  return roles.filter((role) => role !== 'owner' || me.role === 'owner').map((value) => ({ value, label: t(`organisation.role.${value}`) }))
}

function PersonForm({ me, onClose }: Props) {
  const { t } = useTranslation()
  const { invite } = useInvitations()
  const known = useQuery(groupsQuery())
  const [email, setEmail] = useState('')
  const [role, setRole] = useState<Role>('learner')
  const [groups, setGroups] = useState<string[]>([])
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        invite.mutate({ email, role, groups }, { onSuccess: onClose })
      }}
    >
      <Stack gap="md">
        <TextInput
          data-autofocus
          type="email"
          label={t('operator.email')}
          description={t('invite.emailText')}
          required
          withAsterisk={false}
          maxLength={254}
          value={email}
          onChange={({ currentTarget: { value } }) => setEmail(value)}
        />
        <Select allowDeselect={false} label={t('operator.role')} data={useRoles(me)} value={role} onChange={(value) => value && setRole(value)} />
        {known.data && known.data.length > 0 && (
          <MultiSelect
            searchable
            classNames={{ inputField: classes.field }}
            maxValues={20}
            label={t('groups.title')}
            description={t('invite.groupsText')}
            data={known.data.map(({ id, name }) => ({ value: id, label: name }))}
            value={groups}
            onChange={setGroups}
          />
        )}
        {invite.error && (
          <Alert color="red" variant="light" role="alert">
            {messageOf(invite.error)}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t('actions.cancel')}
          </Button>
          <Button type="submit" disabled={email.trim() === ''} loading={invite.isPending}>
            {t('invite.send')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function ListForm({ me, onClose }: Props) {
  const { t } = useTranslation()
  const { inviteMany } = useInvitations()
  const [csv, setCSV] = useState('')
  const [role, setRole] = useState<Role>('learner')
  const data = useRoles(me)
  if (inviteMany.data) return <Report report={inviteMany.data} onClose={onClose} />
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        inviteMany.mutate({ csv, role })
      }}
    >
      <Stack gap="md">
        <Textarea
          data-autofocus
          label={t('invite.list')}
          description={t('invite.listText')}
          placeholder={'email,role,groups\nada@example.org,learner,Spring course'}
          autosize
          minRows={6}
          maxRows={14}
          ff="monospace"
          value={csv}
          onChange={({ currentTarget: { value } }) => setCSV(value)}
        />
        <Group justify="space-between" align="flex-end">
          <Select allowDeselect={false} label={t('invite.defaultRole')} data={data} value={role} onChange={(value) => value && setRole(value)} />
          <FileButton accept=".csv,text/csv,text/plain" onChange={(file) => void file?.text().then(setCSV)}>
            {(props) => (
              <Button {...props} variant="default" leftSection={<IconFileSpreadsheet size={16} />}>
                {t('invite.file')}
              </Button>
            )}
          </FileButton>
        </Group>
        {inviteMany.error && (
          <Alert color="red" variant="light" role="alert">
            {messageOf(inviteMany.error)}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t('actions.cancel')}
          </Button>
          <Button type="submit" disabled={csv.trim() === ''} loading={inviteMany.isPending}>
            {t('invite.sendAll')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

type Outcome = InvitationReport['lines'][number]['outcome']

const colours: Record<Outcome, string> = { invited: 'green', renewed: 'green', member: 'gray', duplicate: 'gray', refused: 'red' }

function Report({ report, onClose }: { report: InvitationReport; onClose: () => void }) {
  const { t } = useTranslation()
  return (
    <Stack gap="md">
      <Text role="status">{t('invite.report', { sent: report.sent, count: report.lines.length })}</Text>
      <div className={classes.card}>
        <Table.ScrollContainer minWidth={420} mah={380} type="native" tabIndex={0} role="region" aria-label={t('invite.reportLabel')}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('invite.line')}</Table.Th>
                <Table.Th>{t('operator.email')}</Table.Th>
                <Table.Th>{t('invite.outcome')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {report.lines.map((line) => (
                <Table.Tr key={line.line}>
                  <Table.Td className={classes.number}>{line.line}</Table.Td>
                  <Table.Td>{line.email}</Table.Td>
                  <Table.Td>
                    <Badge miw="max-content" variant={line.outcome === 'refused' ? 'filled' : 'light'} color={colours[line.outcome]}>
                      {t(`invite.outcomes.${line.outcome}`)}
                    </Badge>
                    {line.problem && <div className={classes.detail}>{line.problem}</div>}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      </div>
      <Group justify="flex-end">
        <Button onClick={onClose}>{t('invite.done')}</Button>
      </Group>
    </Stack>
  )
}
