import '@mantine/core/styles/Alert.layer.css'
import '@mantine/core/styles/Checkbox.layer.css'
import '@mantine/core/styles/Fieldset.layer.css'
import '@mantine/core/styles/Input.layer.css'
import { Alert, Button, Checkbox, Fieldset, Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import { ApiError, messageOf } from '@/lib/api/problem'
import { machinesQuery, scopeGroups, useKeys } from './api'
import { LifeSelect } from './LifeSelect'

export interface MadeKey {
  name: string
  secret: string
  scopes: string[]
}

interface Props {
  /** What the caller can give. */
  grantable: string[]
  onMade: (made: MadeKey) => void
  onClose: () => void
}

/** What a new key is called, whose it is, what it may and for how long. */
export function KeyForm({ grantable, onMade, onClose }: Props) {
  const { t } = useTranslation()
  const { add } = useKeys()
  const machines = useQuery(machinesQuery())
  const [name, setName] = useState('')
  const [machine, setMachine] = useState('')
  const [scopes, setScopes] = useState<string[]>([])
  const [days, setDays] = useState(90)
  const [asked, setAsked] = useState(false)
  const submit = () => {
    setAsked(true)
    if (scopes.length > 0) add.mutate({ name, scopes, days, machine: machine || undefined }, { onSuccess: onMade })
  }
  const wrong = add.error instanceof ApiError ? add.error.field('name') : undefined
  return (
    <Dialog opened onClose={onClose} title={t('keys.add')} centered size="lg">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          submit()
        }}
      >
        <Stack gap="md">
          <TextInput
            data-autofocus
            required
            withAsterisk={false}
            label={t('access.name')}
            description={t('keys.nameText')}
            maxLength={100}
            value={name}
            error={wrong}
            onChange={({ currentTarget: { value } }) => setName(value)}
          />
          <Scopes grantable={grantable} chosen={scopes} onChange={setScopes} missing={asked && scopes.length === 0} />
          {machines.data && machines.data.items.length > 0 && (
            <NativeSelect
              label={t('keys.owner')}
              value={machine}
              onChange={({ currentTarget: { value } }) => setMachine(value)}
              data={[{ value: '', label: t('keys.organisation') }, ...machines.data.items.map(({ id, name: label }) => ({ value: id, label }))]}
            />
          )}
          <LifeSelect days={days} onChange={setDays} most={365} />
          {add.error && !wrong && (
            <Alert color="red" variant="light" role="alert">
              {messageOf(add.error)}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('actions.cancel')}
            </Button>
            <Button type="submit" loading={add.isPending}>
              {t('keys.create')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}

interface ScopesProps {
  grantable: string[]
  chosen: string[]
  onChange: (scopes: string[]) => void
  missing: boolean
}

function Scopes({ grantable, chosen, onChange, missing }: ScopesProps) {
  const { t } = useTranslation()
  return (
    <Checkbox.Group label={t('keys.scopes')} description={t('keys.scopesText')} error={missing ? t('keys.noScope') : undefined} value={chosen} onChange={onChange}>
      <Stack gap="xs" mt="xs">
        {scopeGroups.map(([group, scopes]) => {
          const given = scopes.filter((scope) => grantable.includes(scope))
          if (given.length === 0) return null
          return (
            <Fieldset key={group} legend={t(`keys.group.${group}`)} radius="md" px="md" pt={4} pb="sm">
              <Stack gap={8}>
                {given.map((scope) => (
                  <Checkbox
                    key={scope}
                    value={scope}
                    size="sm"
                    label={
                      <>
                        {t(`keys.scope.${scope}`)}{' '}
                        <Text span size="xs" c="dimmed" ff="monospace">
                          {scope}
                        </Text>
                      </>
                    }
                  />
                ))}
              </Stack>
            </Fieldset>
          )
        })}
      </Stack>
    </Checkbox.Group>
  )
}
