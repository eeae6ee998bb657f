import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'
import { Button } from '@mantine/core'
import { IconLockX } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { BarePage } from '@/components/BarePage'
import { Empty } from '@/components/Empty'
import { completeSignIn, signIn } from '@/lib/auth'
import { bootQuery } from '../boot'
import { Pending } from '../Boundary'

/** Where identity sends people back to. Takes the tokens and goes on to where they were. */
export default function CallbackPage() {
  const { t } = useTranslation()
  const client = useQueryClient()
  const navigate = useNavigate()
  const { data, error } = useQuery({
    queryKey: ['sign-in'],
    queryFn: async () => {
      const boot = await client.query(bootQuery())
      return { boot, ...(await completeSignIn()) }
    },
    retry: false, // a code works once
    staleTime: Infinity,
  })
  useEffect(() => {
    if (!data) return
    client.setQueryData(bootQuery().queryKey, { config: data.boot.config, signedIn: data.signedIn })
    void navigate({ href: data.returnTo, replace: true })
  }, [client, navigate, data])
  if (!error) return <Pending />
  return (
    <BarePage>
      <Empty icon={<IconLockX size={26} />} title={t('signIn.failed')} text={t('signIn.failedText')} order={1}>
        <Button onClick={() => void signIn('/')}>{t('signIn.again')}</Button>
      </Empty>
    </BarePage>
  )
}
