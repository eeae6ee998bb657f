import '@mantine/core/styles/NumberInput.layer.css'
import { Alert, Button, Group, NumberInput, Skeleton, Stack, Table, Text, Textarea, Title, VisuallyHidden } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { Failure } from '@/components/Failure'
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
  const list = useQuery(limitsQuery(id))
  const [setting, setSetting] = useState<TenantLimit>()
  return (
    <section className={classes.block}>
      <Title order={2} fz="lg" mb="sm">
        {t('tiers.limits')}
      </Title>
      {list.error && !list.data && <Failure error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton h={240} radius="lg" />}
      {list.data && <LimitTable id={id} limits={list.data.items} onSet={setSetting} />}
      {setting && <SetLimit id={id} limit={setting} onClose={() => setSetting(undefined)} />}
    </section>
  )
}

function LimitTable({ id, limits, onSet }: { id: string; limits: TenantLimit[]; onSet: (limit: TenantLimit) => void }) {
  const { t } = useTranslation()
  const change = useSetLimit(id)
  const shown = (name: TenantLimit['name'], value: number | undefined) => (value === undefined ? t('tiers.unbounded') : amount(name, value))
  return (
    <div className={classes.card}>
      <Table.ScrollContainer minWidth={620} type="native">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('limits.limit')}</Table.Th>
              <Table.Th ta="right">{t('limits.ofTier')}</Table.Th>
              <Table.Th ta="right">{t('limits.own')}</Table.Th>
              <Table.Th>{t('tenants.reason')}</Table.Th>
              <Table.Th>
                <VisuallyHidden>{t('sessions.actions')}</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {limits.map((limit) => {
              const name = t(`organisation.limit.${limit.name}`)
              const own = limit.own !== undefined
              return (
                <Table.Tr key={limit.name}>
                  <Table.Td fw={550}>{name}</Table.Td>
                  <Table.Td ta="right" className={classes.number} c={own ? 'dimmed' : undefined} td={own ? 'line-through' : undefined}>
                    {shown(limit.name, limit.tier)}
                  </Table.Td>
                  <Table.Td ta="right" className={classes.number} fw={own ? 600 : undefined}>
                    {own ? shown(limit.name, limit.own) : '–'}
                  </Table.Td>
                  <Table.Td className={classes.sub}>{limit.reason}</Table.Td>
                  <Table.Td ta="right">
                    <Group gap="xs" wrap="nowrap" justify="flex-end">
                      {own && (
                        <Button
                          size="xs"
                          variant="default"
                          loading={change.isPending && change.variables.limit === limit.name}
                          aria-label={t('limits.takeBackOf', { name })}
                          onClick={() => change.mutate({ limit: limit.name }, { onError: notifyError })}
                        >
                          {t('limits.takeBack')}
                        </Button>
                      )}
                      <Button size="xs" variant="default" aria-label={t('limits.setOf', { name })} onClick={() => onSet(limit)}>
                        {t('limits.set')}
                      </Button>
                    </Group>
                  </Table.Td>
                </Table.Tr>
              )
            })}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
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
