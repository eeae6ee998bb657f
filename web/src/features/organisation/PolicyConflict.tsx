import { Alert, Button, Group, Text } from '@mantine/core'
import { IconArrowsSplit2 } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { PolicyDifference } from './PolicyDifference'
import type { PolicyFields } from './policies'

interface Props {
  theirs: PolicyFields
  mine: PolicyFields
  onTheirs: () => void
  onMine: () => void
}

/** Somebody else has saved the policy while it was being written: both are shown, and the person chooses. */
export function PolicyConflict({ theirs, mine, onTheirs, onMine }: Props) {
  const { t } = useTranslation()
  return (
    <Alert color="yellow" variant="light" role="alert" icon={<IconArrowsSplit2 size={18} />} title={t('policies.conflict')}>
      <Text size="sm">{t('policies.conflictText', { title: theirs.title })}</Text>
      <PolicyDifference before={theirs.text} after={mine.text} label={t('policies.conflictDifference')} />
      <Group gap="sm" mt="sm">
        <Button size="xs" variant="default" onClick={onTheirs}>
          {t('policies.takeTheirs')}
        </Button>
        <Button size="xs" variant="default" onClick={onMine}>
          {t('policies.keepMine')}
        </Button>
      </Group>
    </Alert>
  )
}
