import { Button, Group as Row, Skeleton, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { notifyError } from '@/components/notify'
import { dateTime } from '@/lib/format'
import classes from './Organisation.module.css'
import styles from './Policies.module.css'
import { PolicyDifference } from './PolicyDifference'
import { usePolicies, versionsQuery } from './policies'

/** Every version of a policy, what it changed, and the way back to it. */
export function PolicyHistory({ id }: { id: string }) {
  const { t } = useTranslation()
  const versions = useQuery(versionsQuery(id))
  const { restore } = usePolicies()
  const [shown, setShown] = useState<number>()
  const items = versions.data?.items ?? []
  return (
    <section className={`${classes.card} ${styles.panel}`} aria-label={t('policies.history')}>
      <Title order={2} fz="md" mb="sm">
        {t('policies.history')}
      </Title>
      {versions.isPending && <Skeleton h={80} />}
      <Stack gap="sm">
        {items.map((version, n) => (
          <div key={version.version}>
            <Row justify="space-between" gap="sm">
              <Text size="sm" className={classes.intro}>
                {t('policies.version', { version: version.version, title: version.title })}{' '}
                <span className={classes.detail}>
                  {dateTime(version.changedAt)}, {version.changedBy ?? t('organisation.gone')}
                  {!version.enabled && `, ${t('policies.off')}`}
                </span>
              </Text>
              <Row gap="xs">
                <Button
                  variant="default"
                  size="compact-sm"
                  aria-expanded={shown === version.version}
                  aria-label={t('policies.showOf', { version: version.version })}
                  onClick={() => setShown(shown === version.version ? undefined : version.version)}
                >
                  {t('policies.show')}
                </Button>
                {n > 0 && (
                  <Button
                    variant="default"
                    size="compact-sm"
                    loading={restore.isPending && restore.variables.version === version.version}
                    aria-label={t('policies.restoreOf', { version: version.version })}
                    onClick={() => restore.mutate({ id, version: version.version }, { onError: notifyError })}
                  >
                    {t('policies.restore')}
                  </Button>
                )}
              </Row>
            </Row>
            {shown === version.version && <PolicyDifference before={items[n + 1]?.text ?? ''} after={version.text} label={t('policies.difference')} />}
          </div>
        ))}
      </Stack>
    </section>
  )
}
