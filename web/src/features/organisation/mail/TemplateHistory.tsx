import { Button, Group as Row, Skeleton, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { notifyError } from '@/components/notify'
import { dateTime } from '@/lib/format'
import classes from '../Organisation.module.css'
import { useTemplate, versionsQuery, type Address } from './api'
import styles from './Mail.module.css'

/** The last versions of a letter, and the way back to each. */
export function TemplateHistory({ address, locked }: { address: Address; locked: boolean }) {
  const { t } = useTranslation()
  const versions = useQuery(versionsQuery(address))
  const { restore } = useTemplate(address)
  const items = versions.data?.items ?? []
  return (
    <section className={`${classes.card} ${styles.panel}`} aria-labelledby="letter-history">
      <Title order={3} fz="md" mb="sm" id="letter-history">
        {t('letters.history')}
      </Title>
      {versions.isPending && <Skeleton h={60} />}
      {versions.data && items.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('letters.noHistory')}
        </Text>
      )}
      <Stack gap="sm">
        {items.map(({ version, parts, changedAt, changedBy }, n) => (
          <Row key={version} justify="space-between" gap="sm">
            <Text size="sm" className={classes.intro}>
              <b>{version}</b> {parts.subject || (parts.text || parts.html ? t('letters.programSubject') : t('letters.program'))}{' '}
              <span className={classes.detail}>
                {dateTime(changedAt)}, {changedBy ?? t('organisation.gone')}
              </span>
            </Text>
            {n > 0 && (
              <Button
                variant="default"
                size="compact-sm"
                disabled={locked}
                loading={restore.isPending && restore.variables === version}
                aria-label={t('policies.restoreOf', { version })}
                onClick={() => restore.mutate(version, { onError: notifyError })}
              >
                {t('policies.restore')}
              </Button>
            )}
          </Row>
        ))}
      </Stack>
    </section>
  )
}
