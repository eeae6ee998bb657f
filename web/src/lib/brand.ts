import { useDocumentTitle } from '@mantine/hooks'
import { useEffect, useSyncExternalStore } from 'react'
import type { Config } from '@/lib/api/types'
import { ask } from '@/lib/directory'

/** What the product is called where nobody says otherwise. */
const product = 'Cloudkida'

/** What an organisation's pages look like. */
export type Brand = Config['branding']

let worn: Brand | undefined
const listeners = new Set<() => void>()

/** Gives all pages a brand: that of whoever is signed in, or of whose way in this is. */
export function wear(brand: Brand): void {
  if (JSON.stringify(brand) === JSON.stringify(worn)) return
  worn = brand
  for (const listener of listeners) listener()
}

function listen(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** The brand that the pages wear; none until it is known, and the product's own is shown. */
export function useBrand(): Brand | undefined {
  return useSyncExternalStore(listen, () => worn)
}

/** A logo as wide as a line of text has the name in it: nothing is written beside it. */
export function isWide(brand: Brand | undefined): boolean {
  const { width = 0, height = 0 } = brand?.logo ?? {}
  return width > 1.5 * height
}

/** What the pages are headed with. */
export function useBrandTitle(): string {
  return useBrand()?.title ?? product
}

/** Names the page in the browser's tab. */
export function usePageTitle(page?: string): void {
  const title = useBrandTitle()
  useDocumentTitle(page === undefined ? title : `${page} · ${title}`)
}

/**
 * Gives a page before sign-in the brand of the organisation that it is about, or of the address that it is at. Without an
 * answer it wears the product's.
 */
export function useHostBrand(tenant?: string): void {
  useEffect(() => {
    if (worn && !tenant) return
    ask(tenant ? { tenant } : { host: window.location.host }).then(
      ({ branding }) => wear(branding),
      () => undefined,
    )
  }, [tenant])
}

/** Puts the brand's picture into the browser's tab. */
export function useTabIcon(): void {
  const icon = useBrand()?.icon ?? '/favicon.svg'
  useEffect(() => {
    const link = document.querySelector<HTMLLinkElement>('link[rel=icon]')
    if (!link || link.getAttribute('href') === icon) return
    link.removeAttribute('type')
    link.href = icon
  }, [icon])
}
