import { Badge } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { SessionState } from '@/lib/api/types'

const colours: Record<SessionState, string> = {
  requested: 'yellow',
  admitted: 'yellow',
  provisioning: 'yellow',
  ready: 'green',
  ending: 'gray',
  ended: 'gray',
  failed: 'red',
}

export function StateBadge({ state }: { state: SessionState }) {
  const { t } = useTranslation()
  return (
    <Badge miw="max-content" variant="light" color={colours[state]}>
      {t(`session.state.${state}`)}
    </Badge>
  )
}
