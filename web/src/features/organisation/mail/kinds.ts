import type { TFunction } from 'i18next'

/** What a kind of letter is called; one that this console does not know yet, by its own name. */
export function kindName(t: TFunction, kind: string): string {
  const name = kind.replace(/^test\./, '')
  const words = t(`letters.kind.${name.replaceAll('.', '_')}` as 'letters.kind.invitation', { defaultValue: name })
  return name === kind ? words : t('letters.testOf', { letter: words })
}
