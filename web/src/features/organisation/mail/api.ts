import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ok } from '@/lib/api/client'
import type { MailTemplate, OwnMail, SortOf } from '@/lib/api/types'

export type Parts = MailTemplate['parts']
export type LetterState = OwnMail['state']

/** Which template: a kind of letter in a language. */
export interface Address {
  kind: string
  locale: string
}

const all = ['organisation', 'mail']

export function localeQuery() {
  return queryOptions({ queryKey: [...all, 'locale'], queryFn: ({ signal }) => ok(api.GET('/v1/tenant/locale', { signal })) })
}

export function useLocale() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (locale: string) => ok(api.PUT('/v1/tenant/locale', { body: { locale } })),
    onSettled: () => client.invalidateQueries({ queryKey: localeQuery().queryKey }),
  })
}

export function templatesQuery() {
  return queryOptions({ queryKey: [...all, 'templates'], queryFn: ({ signal }) => ok(api.GET('/v1/mail/templates', { signal })) })
}

export function templateQuery(path: Address) {
  return queryOptions({
    queryKey: [...all, 'template', path.kind, path.locale],
    queryFn: ({ signal }) => ok(api.GET('/v1/mail/templates/{kind}/{locale}', { params: { path }, signal })),
    staleTime: 0,
  })
}

export function versionsQuery(path: Address) {
  return queryOptions({
    queryKey: [...all, 'template', path.kind, path.locale, 'versions'],
    queryFn: ({ signal }) => ok(api.GET('/v1/mail/templates/{kind}/{locale}/versions', { params: { path }, signal })),
    staleTime: 0,
  })
}

/** The letter as it would be, with samples in it; what is wrong with it is an error at its part. */
export function previewQuery(path: Address, body: Parts) {
  return queryOptions({
    queryKey: [...all, 'preview', path.kind, path.locale, body],
    queryFn: ({ signal }) => ok(api.POST('/v1/mail/templates/{kind}/{locale}/preview', { params: { path }, body, signal })),
    retry: false,
    placeholderData: (before) => before,
  })
}

export function useTemplate(path: Address) {
  const client = useQueryClient()
  const onSettled = () => client.invalidateQueries({ queryKey: all })
  const save = useMutation({
    mutationFn: (body: Parts) => ok(api.PUT('/v1/mail/templates/{kind}/{locale}', { params: { path }, body })),
    onSettled,
  })
  const reset = useMutation({ mutationFn: () => ok(api.DELETE('/v1/mail/templates/{kind}/{locale}', { params: { path } })), onSettled })
  const restore = useMutation({
    mutationFn: (version: number) => ok(api.POST('/v1/mail/templates/{kind}/{locale}/restore', { params: { path }, body: { version } })),
    onSettled,
  })
  const test = useMutation({ mutationFn: (body: Parts) => ok(api.POST('/v1/mail/templates/{kind}/{locale}/test', { params: { path }, body })), onSettled })
  return { save, reset, restore, test }
}

interface SentAsk {
  state: LetterState | undefined
  sort: SortOf<'/v1/mail'>
  cursor: string | undefined
}

export function readSent(query: SentAsk, signal: AbortSignal) {
  return ok(api.GET('/v1/mail', { params: { query }, signal }))
}

export function useSendAgain() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => ok(api.POST('/v1/mail/{id}/retry', { params: { path: { id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: [...all, 'sent'] }),
  })
}

/** The parts that differ from what the program says: those that do not stay the program's. */
export function ownParts(written: Parts, program: Parts): Parts {
  const own = (part: keyof Parts) => (written[part].trim() === program[part].trim() ? '' : written[part])
  return { subject: own('subject'), text: own('text'), html: own('html') }
}

/** What is shown to be changed: the organisation's own where it has something, else the program's. */
export function shownParts(own: Parts, program: Parts): Parts {
  return { subject: own.subject || program.subject, text: own.text || program.text, html: own.html || program.html }
}
