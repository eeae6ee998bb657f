import { MantineProvider } from '@mantine/core'
import { onlineManager, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act, useState } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import '@/lib/i18n'
import type { ListPage } from '@/lib/api/list'
import { problemOf, unreachable } from '@/lib/api/problem'
import { DataList } from './DataList'
import { useList } from './useList'

interface Lab {
  slug: string
  minutes: number
}

type Read = (cursor: string | undefined, sort: string) => Promise<ListPage<Lab>>

const roots: Root[] = []
const clients: QueryClient[] = []

function Labs({ read, filtered }: { read: Read; filtered: boolean }) {
  const [sort, setSort] = useState('slug')
  const [narrowed, setNarrowed] = useState(filtered)
  const list = useList({ key: ['labs', sort, narrowed], read: (cursor) => read(cursor, sort) })
  return (
    <DataList
      list={list}
      label="Labs"
      columns={[
        { title: 'Lab', sort: 'slug', cell: ({ slug }) => slug },
        { title: 'Minutes', kind: 'number', cell: ({ minutes }) => minutes },
      ]}
      rowKey={({ slug }) => slug}
      sort={sort}
      onSort={setSort}
      filters={<input aria-label="Search labs" />}
      onClear={narrowed ? () => setNarrowed(false) : undefined}
      empty={<p>Push your first lab.</p>}
    />
  )
}

/** Shows the list, and waits for what it asked first. */
async function show(read: Read, filtered = false): Promise<HTMLElement> {
  const element = document.createElement('div')
  document.body.append(element)
  const root = createRoot(element)
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } })
  roots.push(root)
  clients.push(client)
  act(() =>
    root.render(
      <MantineProvider env="test">
        <QueryClientProvider client={client}>
          <Labs read={read} filtered={filtered} />
        </QueryClientProvider>
      </MantineProvider>,
    ),
  )
  await settled()
  return element
}

/** What was asked is answered, and its answer shown: the clock stands still but for what is due now. */
async function settled(): Promise<void> {
  await act(() => vi.advanceTimersByTimeAsync(1))
  await act(() => vi.advanceTimersByTimeAsync(1))
}

async function press(element: HTMLElement, name: string): Promise<void> {
  const button = buttonOf(element, name)
  if (!button) throw new Error(`no button ${name} in ${element.textContent}`)
  act(() => button.click())
  await settled()
}

function buttonOf(element: HTMLElement, name: string) {
  return [...element.querySelectorAll('button')].find(({ textContent }) => textContent.startsWith(name))
}

function rowsOf(element: HTMLElement): string[] {
  return [...element.querySelectorAll('tbody tr')].map(({ textContent }) => textContent)
}

function refused(status: number, body: object, headers: Record<string, string> = {}): Error {
  return problemOf(new Response(null, { status, headers }), body)
}

const dns = { slug: 'dns', minutes: 20 }
const git = { slug: 'git', minutes: 35 }

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: false })
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true)
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }))
})

afterEach(() => {
  act(() => roots.splice(0).forEach((root) => root.unmount()))
  clients.splice(0).forEach((client) => client.clear())
  document.body.replaceChildren()
  onlineManager.setOnline(true)
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('a list', () => {
  it('says that it is on its way', async () => {
    const element = await show(() => new Promise(() => undefined))
    expect(element.querySelector('[role=status][aria-label=Loading]')).not.toBeNull()
    expect(element.querySelector('table')).toBeNull()
  })

  it('is a table whose rows are named by their first column', async () => {
    const element = await show(() => Promise.resolve({ items: [dns, git] }))
    expect(rowsOf(element)).toEqual(['dns20', 'git35'])
    expect([...element.querySelectorAll('[role=rowheader]')].map(({ textContent }) => textContent)).toEqual(['dns', 'git'])
    expect(element.querySelector('td[data-title=Minutes]')?.textContent).toBe('20')
    expect(buttonOf(element, 'Show more')).toBeUndefined()
  })

  it('adds the next page below, and leaves the focus where it says how many there are', async () => {
    const element = await show((cursor) => Promise.resolve(cursor ? { items: [git] } : { items: [dns], next: 'after dns' }))
    expect(element.textContent).toContain('1 shown')
    await press(element, 'Show more')
    expect(rowsOf(element)).toEqual(['dns20', 'git35'])
    expect(buttonOf(element, 'Show more')).toBeUndefined()
    expect(element.contains(document.activeElement)).toBe(true)
  })

  it('is sorted by the API, both ways', async () => {
    const read = vi.fn<Read>((_, sort) => Promise.resolve({ items: sort.startsWith('-') ? [git, dns] : [dns, git] }))
    const element = await show(read)
    const heading = () => element.querySelector('[role=columnheader]')
    expect(heading()?.getAttribute('aria-sort')).toBe('ascending')
    await press(element, 'Lab')
    expect(heading()?.getAttribute('aria-sort')).toBe('descending')
    expect(rowsOf(element)).toEqual(['git35', 'dns20'])
    await press(element, 'Lab')
    expect(rowsOf(element)).toEqual(['dns20', 'git35'])
  })

  it('that has nothing says what comes first, without a search', async () => {
    const element = await show(() => Promise.resolve({ items: [] }))
    expect(element.textContent).toContain('Push your first lab.')
    expect(element.querySelector('input')).toBeNull()
  })

  it('that found nothing keeps the search and takes filters away', async () => {
    const read = vi.fn<Read>().mockResolvedValueOnce({ items: [] }).mockResolvedValue({ items: [dns] })
    const element = await show(read, true)
    expect(element.textContent).toContain('Nothing found')
    expect(element.querySelector('input')).not.toBeNull()
    await press(element, 'Clear filters')
    expect(rowsOf(element)).toEqual(['dns20'])
  })

  it('that failed says the request and tries again', async () => {
    const read = vi.fn<Read>().mockRejectedValueOnce(refused(500, { detail: 'It broke.', requestId: 'r-17' })).mockResolvedValue({ items: [dns] })
    const element = await show(read)
    expect(element.querySelector('[role=alert]')?.textContent).toContain('It broke.')
    expect(element.textContent).toContain('r-17')
    await press(element, 'Try again')
    expect(rowsOf(element)).toEqual(['dns20'])
  })

  it('that was refused as too much counts down, and only then tries again', async () => {
    const read = vi.fn<Read>().mockRejectedValueOnce(refused(429, { detail: 'Slow down.' }, { 'Retry-After': '7' })).mockResolvedValue({ items: [dns] })
    const element = await show(read)
    expect(element.textContent).toContain('Too many requests')
    expect(buttonOf(element, 'Try again')?.textContent).toBe('Try again in 0:07')
    await press(element, 'Try again')
    expect(read).toHaveBeenCalledTimes(1)
    await act(() => vi.advanceTimersByTimeAsync(3000))
    expect(buttonOf(element, 'Try again')?.textContent).toBe('Try again in 0:04')
    await act(() => vi.advanceTimersByTimeAsync(5000))
    expect(buttonOf(element, 'Try again')?.textContent).toBe('Try again')
    await press(element, 'Try again')
    expect(rowsOf(element)).toEqual(['dns20'])
  })

  it('waits for a connection, and then comes by itself', async () => {
    onlineManager.setOnline(false)
    const read = vi.fn<Read>(() => Promise.resolve({ items: [dns] }))
    const element = await show(read)
    expect(element.textContent).toContain('This browser is offline.')
    expect(read).not.toHaveBeenCalled()
    act(() => onlineManager.setOnline(true))
    await settled()
    expect(rowsOf(element)).toEqual(['dns20'])
  })

  it('keeps its rows when it cannot be read again, and says so', async () => {
    const read = vi.fn<Read>().mockResolvedValueOnce({ items: [dns] }).mockRejectedValue(unreachable())
    const element = await show(read)
    act(() => void clients[0]?.invalidateQueries())
    await settled()
    expect(rowsOf(element)).toEqual(['dns20'])
    expect(element.querySelector('[role=alert]')?.textContent).toContain('What you see may be old.')
  })
})
