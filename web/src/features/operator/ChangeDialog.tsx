import '@mantine/core/styles/Combobox.layer.css'
import '@mantine/core/styles/NumberInput.layer.css'
import { Alert, Button, Group, NumberInput, Select, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { messageOf } from '@/lib/api/problem'
import type { Tenant } from '@/lib/api/types'
import { tiersQuery, useChange, type Change } from './tenants'

export type Asked = Change['do']

interface Props {
  tenant: Tenant
  asked: Asked
  onClose: () => void
}

const shortestReason = 5

/** Asks for what a change needs, and says what it does, before anything happens. */
export function ChangeDialog({ tenant, asked, onClose }: Props) {
  const { t } = useTranslation()
  const change = useChange(tenant.id)
  const [reason, setReason] = useState('')
  const [name, setName] = useState('')
  const [tier, setTier] = useState<string | null>(null)
  const [days, setDays] = useState<number | string>(30)
  const target = tenant.placement === 'pool' ? 'silo' : 'pool'
  const wanted = ((): Change | undefined => {
    switch (asked) {
      case 'suspend':
        return reason.trim().length >= shortestReason ? { do: 'suspend', reason } : undefined
      case 'resume':
        return { do: 'resume' }
      case 'tier':
        return tier ? { do: 'tier', tier } : undefined
      case 'move':
        return { do: 'move', placement: target }
      case 'offboard':
        return name === tenant.name && reason.trim().length >= shortestReason && days !== '' ? { do: 'offboard', name, reason, graceDays: Number(days) } : undefined
    }
  })()
  const kind = asked === 'move' ? (target === 'silo' ? 'toSilo' : 'toPool') : asked
  return (
    <Dialog opened onClose={onClose} title={`${t(`tenants.do.${kind}`)}: ${tenant.title}`} centered>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (wanted) change.mutate(wanted, { onSuccess: onClose })
        }}
      >
        <Stack gap="md">
          <Text size="sm">{t(`tenants.means.${kind}`)}</Text>
          {(asked === 'suspend' || asked === 'offboard') && (
            <Textarea
              data-autofocus
              label={t('tenants.reason')}
              description={t('tenants.reasonText')}
              autosize
              minRows={2}
              maxLength={500}
              value={reason}
              onChange={({ currentTarget: { value } }) => setReason(value)}
            />
          )}
          {asked === 'tier' && <TierSelect now={tenant.tier} value={tier} onChange={setTier} />}
          {asked === 'offboard' && (
            <>
              <NumberInput label={t('tenants.grace')} description={t('tenants.graceText')} min={0} max={365} value={days} onChange={setDays} />
              <TextInput
                label={t('tenants.confirm', { name: tenant.name })}
                autoComplete="off"
                value={name}
                onChange={({ currentTarget: { value } }) => setName(value)}
              />
            </>
          )}
          {change.error && (
            <Alert color="red" variant="light" role="alert">
              {messageOf(change.error)}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('actions.cancel')}
            </Button>
            <Button type="submit" color={asked === 'offboard' ? 'red' : undefined} disabled={!wanted} loading={change.isPending}>
              {t(`tenants.do.${kind}`)}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}

function TierSelect({ now, value, onChange }: { now: string; value: string | null; onChange: (tier: string | null) => void }) {
  const { t } = useTranslation()
  const tiers = useQuery(tiersQuery())
  const data = (tiers.data?.items ?? [])
    .filter((tier) => tier.name !== now && tier.name !== 'default')
    .map((tier) => ({ value: tier.name, label: `${tier.title} (${t(`tenants.placement.${tier.placement}`)})` }))
  return <Select data-autofocus label={t('tenants.newTier')} data={data} value={value} onChange={onChange} />
}
