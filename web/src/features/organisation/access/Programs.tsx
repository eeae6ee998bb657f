import { Badge, Button, Code, Group, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconAppWindow, IconPlus } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Empty } from '@/components/Empty'
import { NamedCards } from '@/components/list/NamedCards'
import { NameDialog } from '@/components/NameDialog'
import { notifyError } from '@/components/notify'
import { SecretDialog } from '@/components/SecretDialog'
import type { Program } from '@/lib/api/types'
import { issuer } from '@/lib/auth'
import { dateTime } from '@/lib/format'
import classes from '../Organisation.module.css'
import { programsQuery, usePrograms } from './api'
import { ProgramForm } from './ProgramForm'

const most = 50

type Open = { what: 'add' } | { what: 'change' | 'rotate' | 'remove'; item: Program } | { what: 'secret'; title: string; secret: string; id: string }

/** The programs of others that the organisation's people sign in to. */
export function Programs() {
  const { t } = useTranslation()
  const all = useQuery(programsQuery())
  const [open, setOpen] = useState<Open>()
  const { rotate, remove } = usePrograms()
  const close = () => {
    remove.reset()
    setOpen(undefined)
  }
  const full = (all.data?.items.length ?? 0) >= most
  const add = (
    <Button leftSection={<IconPlus size={16} />} disabled={full || !all.data} onClick={() => setOpen({ what: 'add' })}>
      {t('programs.add')}
    </Button>
  )
  return (
    <>
      <NamedCards
        query={all}
        items={all.data?.items}
        title={t('programs.title')}
        text={t('programs.text')}
        add={add}
        note={full ? t('programs.full') : undefined}
        empty={(first) => (
          <Empty icon={<IconAppWindow size={26} />} title={t('programs.none')} text={t('programs.noneText')}>
            {first}
          </Empty>
        )}
        card={(item) => <ProgramCard key={item.id} item={item} onDo={(what) => setOpen({ what, item })} />}
      />
      {open?.what === 'add' && (
        <ProgramForm
          onClose={close}
          onMade={({ id, name, secret }) => {
            if (secret) setOpen({ what: 'secret', title: t('programs.made', { name }), secret, id })
            else close()
          }}
        />
      )}
      {open?.what === 'change' && <ProgramForm item={open.item} onClose={close} onMade={close} />}
      <ConfirmDialog
        opened={open?.what === 'rotate'}
        title={t('programs.rotateTitle', { name: open?.what === 'rotate' ? open.item.name : '' })}
        text={t('programs.rotateText')}
        confirm={t('access.rotate')}
        busy={rotate.isPending}
        onClose={close}
        onConfirm={() => {
          if (open?.what !== 'rotate') return
          rotate.mutate(open.item.id, {
            onSuccess: ({ id, name, secret }) => setOpen({ what: 'secret', title: t('programs.rotated', { name }), secret: secret ?? '', id }),
            onError: notifyError,
          })
        }}
      />
      {open?.what === 'remove' && (
        <NameDialog
          title={t('programs.removeTitle', { name: open.item.name })}
          text={t('programs.removeText')}
          name={open.item.name}
          confirm={t('access.remove')}
          busy={remove.isPending}
          error={remove.error}
          onClose={close}
          onConfirm={() => remove.mutate(open.item.id, { onSuccess: close })}
        />
      )}
      {open?.what === 'secret' && (
        <SecretDialog title={open.title} secret={open.secret} onClose={close}>
          <Ids id={open.id} />
        </SecretDialog>
      )}
    </>
  )
}

/** What the program is told. */
function Ids({ id, children }: { id: string; children?: ReactNode }) {
  const { t } = useTranslation()
  return (
    <dl className={classes.facts}>
      <div>
        <dt>{t('programs.id')}</dt>
        <dd>
          <Code>{id}</Code>
        </dd>
      </div>
      <div>
        <dt>{t('programs.issuer')}</dt>
        <dd>
          <Code>{issuer()}</Code>
        </dd>
      </div>
      {children}
    </dl>
  )
}

function Addresses({ name, all }: { name: string; all: string[] }) {
  if (all.length === 0) return null
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {all.map((address) => (
          <div key={address}>{address}</div>
        ))}
      </dd>
    </div>
  )
}

function ProgramCard({ item, onDo }: { item: Program; onDo: (what: 'change' | 'rotate' | 'remove') => void }) {
  const { t } = useTranslation()
  return (
    <li className={`${classes.card} ${classes.panel}`}>
      <Group justify="space-between" align="flex-start" gap="sm">
        <div className={classes.intro}>
          <Group gap="sm">
            <Title order={3} fz="md" className={classes.name}>
              {item.name}
            </Title>
            <Badge variant="light" color="gray" miw="max-content">
              {item.confidential ? t('programs.secretKept') : t('programs.public')}
            </Badge>
          </Group>
          <Text className={classes.detail} mt={2}>
            {t('access.createdBy', { when: dateTime(item.createdAt) })}
          </Text>
        </div>
        <Group gap="xs">
          <Button size="xs" variant="default" aria-label={t('programs.editTitle', { name: item.name })} onClick={() => onDo('change')}>
            {t('access.change')}
          </Button>
          {item.confidential && (
            <Button size="xs" variant="default" aria-label={t('programs.rotateTitle', { name: item.name })} onClick={() => onDo('rotate')}>
              {t('access.rotate')}
            </Button>
          )}
          <Button size="xs" variant="default" aria-label={t('programs.removeTitle', { name: item.name })} onClick={() => onDo('remove')}>
            {t('access.remove')}
          </Button>
        </Group>
      </Group>
      <Ids id={item.id}>
        <Addresses name={t('programs.returns')} all={item.redirectUris} />
        <Addresses name={t('programs.leaves')} all={item.postLogoutRedirectUris} />
      </Ids>
    </li>
  )
}
