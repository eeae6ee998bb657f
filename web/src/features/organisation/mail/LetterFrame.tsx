import { useCallback, useEffect, useRef } from 'react'
import classes from './Mail.module.css'

/**
 * A letter as its reader sees it, in a frame where nothing runs: the sandbox forbids scripts, forms and leaving, and the
 * console's content policy holds within, so that nothing is fetched from elsewhere. That policy refuses style attributes as
 * well, which are therefore set by script.
 */
export function LetterFrame({ html, title }: { html: string; title: string }) {
  const frame = useRef<HTMLIFrameElement>(null)
  const paint = useCallback(() => {
    const inside = frame.current?.contentDocument
    const view = inside?.defaultView
    // While the frame loads it has no body yet, and what is put into it would be gone: onLoad comes here again.
    if (!inside?.body || !view || inside.readyState !== 'complete' || inside.URL !== 'about:srcdoc') return
    const rules = /<style>([\s\S]*?)<\/style>/.exec(html)
    // In a letter the program has escaped every quote that is not of an attribute.
    const inert = html.replace(rules?.[0] ?? '', '').replaceAll(' style="', ' data-style="')
    const letter = new DOMParser().parseFromString(inert, 'text/html')
    inside.documentElement.lang = letter.documentElement.lang
    inside.documentElement.dir = letter.documentElement.dir
    const body = inside.adoptNode(letter.body)
    for (const styled of [body, ...body.querySelectorAll<HTMLElement>('[data-style]')]) {
      styled.style.cssText = styled.dataset.style ?? ''
      delete styled.dataset.style
    }
    for (const link of body.querySelectorAll('a')) link.target = '_blank'
    inside.body.replaceWith(body)
    const sheet = new view.CSSStyleSheet()
    sheet.replaceSync(rules?.[1] ?? '')
    inside.adoptedStyleSheets = [sheet]
  }, [html])
  useEffect(paint, [paint])
  return <iframe ref={frame} className={classes.frame} sandbox="allow-same-origin" srcDoc="<!doctype html><title>.</title>" title={title} onLoad={paint} />
}
