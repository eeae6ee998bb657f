import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useSuspenseQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { messageOf } from '@/lib/api/problem'
import type { Factor } from '@/lib/api/types'
import { ago } from '@/lib/format'
import { factorsQuery, useRemoveFactor } from './api'
import { Row } from './Row'
import { Section } from './Section'

/** What signs a person in beside the password. They are added on the pages of sign-in, which alone may. */
export function FactorsSection() {
  const { t } = useTranslation()
  const { data } = useSuspenseQuery(factorsQuery())
  const [leaving, setLeaving] = useState<Factor>()
  const remove = useRemoveFactor()
  const confirm = () => {
    if (!leaving) return
    remove.mutate(leaving.id, {
      onSuccess: () => notifications.show({ color: 'green', message: t('profile.factorRemoved') }),
      onSettled: () => setLeaving(undefined),
    })
  }
  return (
    <Section title={t('profile.factors')} text={t('profile.factorsText')}>
      <Stack gap="sm">
        {remove.error && (
          <Alert color="red" role="alert">
            {messageOf(remove.error)}
          </Alert>
        )}
        {data.items.length === 0 && <Text size="sm">{t('profile.noFactors')}</Text>}
        {data.items.map((factor) => (
          <Row
            key={factor.id}
            title={factor.name}
            text={
              factor.usedAt
                ? t('profile.factorUsed', { kind: t(`profile.factor.${factor.kind}`), time: ago(factor.usedAt) })
                : t('profile.factorUnused', { kind: t(`profile.factor.${factor.kind}`) })
            }
            action={t('profile.remove')}
            label={t('profile.removeFactor', { name: factor.name })}
            onAction={() => setLeaving(factor)}
          />
        ))}
        {data.items.length > 0 && <Text size="sm">{t('profile.recoveryCodes', { count: data.recoveryCodes })}</Text>}
        <Group>
          <Button component="a" href={data.page} variant="default">
            {t('profile.manageFactors')}
          </Button>
        </Group>
      </Stack>
      <ConfirmDialog
        opened={leaving !== undefined}
        title={t('profile.removeFactor', { name: leaving?.name ?? '' })}
        text={t('profile.removeFactorText')}
        confirm={t('profile.remove')}
        busy={remove.isPending}
        onConfirm={confirm}
        onClose={() => setLeaving(undefined)}
      />
    </Section>
  )
}
