import { createElement, Fragment, memo, useMemo, type ReactNode } from 'react'
import { CodeBlock } from './CodeBlock'
import classes from './GuideText.module.css'
import { EnvValue, PortLink } from './GuideInline'

/** What an instruction may consist of. Anything else in the HTML keeps its text and loses its tag. */
const tags = new Set(
  'p h1 h2 h3 h4 h5 h6 ul ol li a code pre em strong del s blockquote hr br img table thead tbody tr th td div span sup sub kbd'.split(' '),
)
const empty = new Set(['hr', 'br', 'img'])

interface Props {
  html: string
}

/**
 * The text of a lab: HTML that the server rendered from an author's Markdown, built up here from an allow-list of
 * elements, with living blocks in place of those that run, copy or write a file.
 */
export const GuideText = memo(function GuideText({ html }: Props) {
  const content = useMemo(() => {
    const { body } = new DOMParser().parseFromString(html, 'text/html')
    return children(body)
  }, [html])
  return <div className={classes.text}>{content}</div>
})

function children(node: Node): ReactNode[] {
  return Array.from(node.childNodes, (child, index) => <Fragment key={index}>{render(child)}</Fragment>)
}

function render(node: Node): ReactNode {
  if (node instanceof Text) return node.data
  if (!(node instanceof HTMLElement)) return null
  const tag = node.localName
  if (tag === 'script' || tag === 'style') return null
  if (node.classList.contains('block')) return <CodeBlock block={node} />
  if (node.dataset.port !== undefined) return <PortLink port={node.dataset.port}>{children(node)}</PortLink>
  if (node.dataset.env !== undefined) return <EnvValue name={node.dataset.env} />
  if (!tags.has(tag)) return children(node)
  if (empty.has(tag)) return createElement(tag, attributes(node))
  const element = createElement(tag, attributes(node), ...children(node))
  return tag === 'table' ? <div className={classes.scroll}>{element}</div> : element
}

function attributes(element: HTMLElement): Record<string, unknown> {
  const get = (name: string) => element.getAttribute(name) ?? undefined
  switch (element.localName) {
    case 'a':
      return link(get('href'))
    case 'img':
      return { src: picture(get('src')), alt: get('alt') ?? '', title: get('title'), loading: 'lazy' }
    case 'ol':
      return { start: get('start') }
    case 'th':
    case 'td':
      return { colSpan: get('colspan'), rowSpan: get('rowspan'), align: get('align') }
    case 'pre':
      return { tabIndex: 0 } // it scrolls, so the keyboard must reach it
    default:
      return {}
  }
}

/** Pictures of a lab come within its text. */
function picture(address: string | undefined): string | undefined {
  return address && /^data:image\/[a-z+]+;base64,/.test(address) ? address : web(address)
}

/** Addresses on the web or of this site; never javascript:, data: and the like. */
function web(address: string | undefined): string | undefined {
  if (address === undefined || !URL.canParse(address, window.location.href)) return undefined
  return /^(https?|mailto):$/.test(new URL(address, window.location.href).protocol) ? address : undefined
}

function link(href: string | undefined): Record<string, unknown> {
  const safe = web(href)
  return safe?.startsWith('#') ? { href: safe } : { href: safe, target: '_blank', rel: 'noopener noreferrer' }
}
