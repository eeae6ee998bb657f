/** How many digits a currency has behind the point: 2 for USD, none for JPY. */
export function digitsOf(currency: string): number {
  try {
    return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2
  } catch {
    return 2 // not a code yet: somebody is typing it
  }
}

/** "$99.00", from the smallest unit of a currency. */
export function money(amount: number, currency: string): string {
  return new Intl.NumberFormat(undefined, { style: 'currency', currency }).format(amount / 10 ** digitsOf(currency))
}

/** 99.5 USD become 9950; rounded, because 1.15 * 100 is not 115. */
export function toMinor(amount: number, currency: string): number {
  return Math.round(amount * 10 ** digitsOf(currency))
}
