import '@mantine/core/styles/NumberInput.layer.css'
import { Alert, Button, Group, NumberInput, Stack, Text, Textarea } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { DataList, type Column } from '@/components/list/DataList'
import { whole } from '@/components/list/useList'
import { notifyError } from '@/components/notify'
import { messageOf } from '@/lib/api/problem'
import type { TenantLimit } from '@/lib/api/types'
import { amount, gibibyte } from '@/lib/limits'
import classes from './Operator.module.css'
import { limitsQuery, useSetLimit } from './tenants'
import { typed } from './tierForm'

/** What one organisation may: its tier's limits, and its own in place of them. */
export function Limits({ id }: { id: string }) {
  const { t } = useTranslation()
  const all = useQuery(limitsQuery(id))
  const [setting, setSetting] = useState<TenantLimit>()
  return (
    <div className={classes.block}>
      <DataList
        list={whole(all, all.data?.items)}
        label={t('tiers.limits')}
        title={t('tiers.limits')}
        columns={columns(t, id, setSetting)}
        rowKey={({ name }) => name}
        empty={null}
      />
      {setting && <SetLimit id={id} limit={setting} onClose={() => setSetting(undefined)} />}
    </div>
  )
}

function columns(t: TFunction, id: string, onSet: (limit: TenantLimit) => void): Column<TenantLimit>[] {
  const shown = (name: TenantLimit['name'], value: number | undefined) => (value === undefined ? t('tiers.unbounded') : amount(name, value))
  return [
    { title: t('limits.limit'), cell: ({ name }) => t(`organisation.limit.${name}`) },
    {
      title: t('limits.ofTier'),
      kind: 'number',
      cell: ({ name, tier, own }) => (own === undefined ? shown(name, tier) : <s className={classes.sub}>{shown(name, tier)}</s>),
    },
    { title: t('limits.own'), kind: 'number', cell: ({ name, own }) => (own === undefined ? '–' : <strong>{shown(name, own)}</strong>) },
    { title: t('tenants.reason'), cell: ({ reason }) => reason && <span className={classes.sub}>{reason}</span> },
    { title: t('list.actions'), kind: 'actions', cell: (limit) => <Actions id={id} limit={limit} onSet={() => onSet(limit)} /> },
  ]
}

function Actions({ id, limit, onSet }: { id: string; limit: TenantLimit; onSet: () => void }) {
  const { t } = useTranslation()
  const change = useSetLimit(id)
  const name = t(`organisation.limit.${limit.name}`)
  return (
    <>
      {limit.own !== undefined && (
        <Button
          size="xs"
          variant="default"
          loading={change.isPending}
          aria-label={t('limits.takeBackOf', { name })}
          onClick={() => change.mutate({ limit: limit.name }, { onError: notifyError })}
        >
          {t('limits.takeBack')}
        </Button>
      )}
      <Button size="xs" variant="default" aria-label={t('limits.setOf', { name })} onClick={onSet}>
        {t('limits.set')}
      </Button>
    </>
  )
}

const shortestReason = 5

function SetLimit({ id, limit, onClose }: { id: string; limit: TenantLimit; onClose: () => void }) {
  const { t } = useTranslation()
  const change = useSetLimit(id)
  const storage = limit.name === 'storage'
  const unit = storage ? gibibyte : 1
  const now = limit.own ?? limit.tier
  const [value, setValue] = useState<number | string>(now === undefined ? '' : now / unit)
  const [reason, setReason] = useState(limit.reason ?? '')
  const most = typed(value)
  const enough = reason.trim().length >= shortestReason
  return (
    <Dialog opened onClose={onClose} title={t('limits.setOf', { name: t(`organisation.limit.${limit.name}`) })}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (most !== undefined && enough) change.mutate({ limit: limit.name, value: Math.round(most * unit), reason: reason.trim() }, { onSuccess: onClose })
        }}
      >
        <Stack gap="md">
          <Text size="sm">{t('limits.means')}</Text>
          <NumberInput
            data-autofocus
            label={t('limits.own')}
            min={0}
            allowDecimal={storage}
            decimalScale={storage ? 3 : 0}
            suffix={storage ? ' GiB' : undefined}
            thousandSeparator=" "
            value={value}
            onChange={setValue}
          />
          <Textarea
            label={t('tenants.reason')}
            description={t('limits.reasonText')}
            autosize
            minRows={2}
            maxLength={300}
            value={reason}
            onChange={({ currentTarget: { value: text } }) => setReason(text)}
          />
          {change.error && (
            <Alert color="red" variant="light" role="alert">
              {messageOf(change.error)}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('actions.cancel')}
            </Button>
            <Button type="submit" disabled={most === undefined || !enough} loading={change.isPending}>
              {t('limits.set')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
