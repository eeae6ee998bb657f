import { useSuspenseQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { meQuery } from '@/features/identity/api'
import { AcceptAs, InvitationPage, SignInToAccept } from '@/features/invitation/InvitationPage'
import { takeToken } from '@/features/invitation/token'
import { bootQuery } from '../boot'

/** Whoever is invited need not be signed in, and only those with an account are asked to. */
export default function Invitation() {
  const [token] = useState(takeToken)
  return <InvitationPage token={token} account={<Account token={token} />} />
}

function Account({ token }: { token: string }) {
  const { data } = useSuspenseQuery(bootQuery())
  return data.signedIn ? <SignedIn token={token} /> : <SignInToAccept />
}

function SignedIn({ token }: { token: string }) {
  const { data: me } = useSuspenseQuery(meQuery())
  return <AcceptAs token={token} me={me} />
}
