import type { OwnBrand } from '@/lib/api/types'

export type Draft = OwnBrand['settings']

const hex = /^#[0-9a-f]{6}$/i

/** What was typed as a colour, with or without its #; undefined for what is none. */
export function colourOf(typed: string): string | undefined {
  const text = typed.trim()
  const full = text.startsWith('#') ? text : `#${text}`
  return hex.test(full) ? full.toLowerCase() : undefined
}

/** The colours to show: what was typed, or what is below where that is empty or no colour yet. */
export function coloursOf(draft: Draft, below: OwnBrand['below']): { primary: string; accent: string } {
  return { primary: colourOf(draft.primary) ?? below.primary, accent: colourOf(draft.accent) ?? below.accent }
}

/** What is sent: colours in their full form, texts without spaces around them. */
export function cleaned(draft: Draft): Draft {
  return {
    title: draft.title.trim(),
    primary: colourOf(draft.primary) ?? draft.primary.trim(),
    accent: colourOf(draft.accent) ?? draft.accent.trim(),
    support: draft.support.trim(),
    terms: draft.terms.trim(),
    privacy: draft.privacy.trim(),
  }
}

/** Whether something of its own is set: then the logo, or the letter in its place, is its own as well. */
export function isOwn(draft: Draft, hasLogo: boolean): boolean {
  return hasLogo || Object.values(cleaned(draft)).some((value) => value !== '')
}

/** The letter of the mark: the first letter or digit of the title. */
export function letterOf(title: string): string {
  return (/[\p{L}\p{Nd}]/u.exec(title)?.[0] ?? '#').toUpperCase()
}
