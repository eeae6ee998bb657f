/** How much of a quota is used, 1 being all of it; nothing is used of one that bounds nothing. */
export function shareOf(quota: { requests: number; most?: number }): number {
  if (quota.most === undefined) return 0
  return quota.most === 0 ? 1 : quota.requests / quota.most
}

/** From which share on people are told that a quota is nearly used up, while there is time to ask for a larger plan. */
const near = 0.8

/** What to say of a quota beside its meter: when it begins anew, that little is left, or that nothing is. */
export function standingOf(share: number): 'resets' | 'near' | 'full' {
  if (share >= 1) return 'full'
  return share >= near ? 'near' : 'resets'
}
