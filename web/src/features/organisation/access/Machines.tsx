import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Input.layer.css'
import { Alert, Badge, Button, Code, Group, NativeSelect, Stack, Text, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconPlus, IconRobot } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { Empty } from '@/components/Empty'
import { NamedCards } from '@/components/list/NamedCards'
import { NameDialog } from '@/components/NameDialog'
import { SecretDialog } from '@/components/SecretDialog'
import { messageOf } from '@/lib/api/problem'
import type { MachineClient, Me } from '@/lib/api/types'
import { issuer } from '@/lib/auth'
import { ago, dateTime } from '@/lib/format'
import { useNow } from '@/lib/useNow'
import { roles, type Role } from '../api'
import classes from '../Organisation.module.css'
import { machinesQuery, useMachines } from './api'
import { LifeSelect } from './LifeSelect'

const most = 50

interface Made {
  id: string
  name: string
  secret: string
}

type Open = { what: 'add' } | { what: 'rotate' | 'remove'; item: MachineClient } | { what: 'secret'; title: string; made: Made }

/** The organisation's machine clients. */
export function Machines({ me }: { me: Me }) {
  const { t } = useTranslation()
  const all = useQuery(machinesQuery())
  const [open, setOpen] = useState<Open>()
  const { remove } = useMachines()
  const close = () => {
    remove.reset()
    setOpen(undefined)
  }
  const full = (all.data?.items.length ?? 0) >= most
  const add = (
    <Button leftSection={<IconPlus size={16} />} disabled={full || !all.data} onClick={() => setOpen({ what: 'add' })}>
      {t('machines.add')}
    </Button>
  )
  return (
    <>
      <NamedCards
        query={all}
        items={all.data?.items}
        title={t('machines.title')}
        text={t('machines.text')}
        add={add}
        note={full ? t('machines.full') : undefined}
        empty={(first) => (
          <Empty icon={<IconRobot size={26} />} title={t('machines.none')} text={t('machines.noneText')}>
            {first}
          </Empty>
        )}
        card={(item) => <MachineCard key={item.id} item={item} onDo={(what) => setOpen({ what, item })} />}
      />
      {open?.what === 'add' && (
        <AddMachine me={me} onClose={close} onMade={(made) => setOpen({ what: 'secret', title: t('machines.made', { name: made.name }), made })} />
      )}
      {open?.what === 'rotate' && (
        <RotateMachine
          item={open.item}
          onClose={close}
          onMade={(made) => setOpen({ what: 'secret', title: t('machines.rotated', { name: made.name }), made })}
        />
      )}
      {open?.what === 'remove' && (
        <NameDialog
          title={t('machines.removeTitle', { name: open.item.name })}
          text={t('machines.removeText')}
          name={open.item.name}
          confirm={t('access.remove')}
          busy={remove.isPending}
          error={remove.error}
          onClose={close}
          onConfirm={() => remove.mutate(open.item.id, { onSuccess: close })}
        />
      )}
      {open?.what === 'secret' && <MachineSecret title={open.title} made={open.made} onClose={close} />}
    </>
  )
}

function MachineSecret({ title, made, onClose }: { title: string; made: Made; onClose: () => void }) {
  const { t } = useTranslation()
  const address = `${issuer()}/token`
  return (
    <SecretDialog title={title} secret={made.secret} curl={`curl -u '${made.id}:${made.secret}' -d grant_type=client_credentials '${address}'`} onClose={onClose}>
      <dl className={classes.facts}>
        <div>
          <dt>{t('machines.id')}</dt>
          <dd>
            <Code>{made.id}</Code>
          </dd>
        </div>
        <div>
          <dt>{t('machines.tokenUrl')}</dt>
          <dd>
            <Code>{address}</Code>
          </dd>
        </div>
      </dl>
    </SecretDialog>
  )
}

function AddMachine({ me, onMade, onClose }: { me: Me; onMade: (made: Made) => void; onClose: () => void }) {
  const { t } = useTranslation()
  const { add } = useMachines()
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('learner')
  const [days, setDays] = useState(90)
  const own = roles.slice(roles.indexOf(me.role))
  return (
    <Dialog opened onClose={onClose} title={t('machines.add')} centered>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          add.mutate({ name, role, days }, { onSuccess: onMade })
        }}
      >
        <Stack gap="md">
          <TextInput
            data-autofocus
            required
            withAsterisk={false}
            label={t('access.name')}
            maxLength={100}
            value={name}
            onChange={({ currentTarget: { value } }) => setName(value)}
          />
          <NativeSelect
            label={t('machines.role')}
            description={t('machines.roleText')}
            value={role}
            onChange={({ currentTarget: { value } }) => setRole(value as Role)}
            data={own.map((value) => ({ value, label: t(`machines.roles.${value}`) }))}
          />
          <LifeSelect days={days} onChange={setDays} most={366} />
          {add.error && (
            <Alert color="red" variant="light" role="alert">
              {messageOf(add.error)}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('actions.cancel')}
            </Button>
            <Button type="submit" loading={add.isPending}>
              {t('machines.create')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}

function RotateMachine({ item, onMade, onClose }: { item: MachineClient; onMade: (made: Made) => void; onClose: () => void }) {
  const { t } = useTranslation()
  const { rotate } = useMachines()
  const [days, setDays] = useState(90)
  return (
    <Dialog opened onClose={onClose} title={t('machines.rotateTitle', { name: item.name })} centered>
      <Stack gap="md">
        <Text size="sm">{t('machines.rotateText')}</Text>
        <LifeSelect days={days} onChange={setDays} most={366} />
        {rotate.error && (
          <Alert color="red" variant="light" role="alert">
            {messageOf(rotate.error)}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" data-autofocus onClick={onClose}>
            {t('actions.cancel')}
          </Button>
          <Button loading={rotate.isPending} onClick={() => rotate.mutate({ id: item.id, days }, { onSuccess: onMade })}>
            {t('access.rotate')}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  )
}

function MachineCard({ item, onDo }: { item: MachineClient; onDo: (what: 'rotate' | 'remove') => void }) {
  const { t } = useTranslation()
  const over = Date.parse(item.expiresAt) <= useNow(false)
  return (
    <li className={`${classes.card} ${classes.panel}`}>
      <Group justify="space-between" align="flex-start" gap="sm">
        <div className={classes.intro}>
          <Group gap="sm">
            <Title order={3} fz="md" className={classes.name}>
              {item.name}
            </Title>
            <Badge variant="light" color={over ? 'gray' : 'blue'} miw="max-content">
              {over ? t('access.expired') : t(`machines.roles.${item.role}`)}
            </Badge>
          </Group>
          <Text size="sm" c="dimmed" mt={4}>
            {t('machines.id')} <Code className={classes.name}>{item.id}</Code>
          </Text>
        </div>
        <Group gap="xs">
          <Button size="xs" variant="default" aria-label={t('machines.rotateTitle', { name: item.name })} onClick={() => onDo('rotate')}>
            {t('access.rotate')}
          </Button>
          <Button size="xs" variant="default" aria-label={t('machines.removeTitle', { name: item.name })} onClick={() => onDo('remove')}>
            {t('access.remove')}
          </Button>
        </Group>
      </Group>
      <Text className={classes.detail} mt={6}>
        {[
          t('access.createdBy', { when: dateTime(item.createdAt) }),
          `${t('access.expires')}: ${dateTime(item.expiresAt)}`,
          `${t('access.used')}: ${item.lastUsedAt ? ago(item.lastUsedAt) : t('access.never')}`,
        ].join(' · ')}
      </Text>
    </li>
  )
}
