import { Button, Group } from '@mantine/core'
import { IconBuilding } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { ApiError, messageOf } from '@/lib/api/problem'
import { signOut } from '@/lib/auth'
import { Empty } from './Empty'

/** Why the organisation lets somebody into no page at all. */
const reasons = ['tenant_suspended', 'tenant_provisioning', 'tenant_offboarding', 'tenant_purged', 'not_a_member', 'account_disabled'] as const

type Reason = (typeof reasons)[number]

/** Whether an error is one of these, whichever page it was asked for. */
export function shutsOut(error: unknown): Reason | undefined {
  return error instanceof ApiError ? reasons.find((reason) => reason === error.code) : undefined
}

interface Props {
  error: unknown
  onRetry: () => void
}

/** In place of every page, for who is signed in to an organisation that they cannot be in now: with a way out of it. */
export function ShutOut({ error, onRetry }: Props) {
  const { t } = useTranslation()
  return (
    <Empty order={1} icon={<IconBuilding size={26} />} title={t(`shutOut.${shutsOut(error) ?? 'tenant_suspended'}`)} text={messageOf(error)}>
      <Group justify="center">
        <Button variant="default" onClick={onRetry}>
          {t('errors.retry')}
        </Button>
        <Button variant="default" onClick={() => void signOut()}>
          {t('shell.signOut')}
        </Button>
      </Group>
    </Empty>
  )
}
