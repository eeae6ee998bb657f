import { MantineProvider } from '@mantine/core'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import '@/lib/i18n'
import { LabActionsContext, type LabActions } from './actions'
import { GuideText } from './GuideText'

const actions = {
  ready: true,
  run: vi.fn<LabActions['run']>(),
  writeFile: vi.fn<LabActions['writeFile']>(() => Promise.resolve()),
  openPort: vi.fn<LabActions['openPort']>(),
  env: { TOKEN: 'k7f2' },
}

const roots: Root[] = []

function show(html: string): HTMLElement {
  const element = document.createElement('div')
  document.body.append(element)
  const root = createRoot(element)
  roots.push(root)
  act(() =>
    root.render(
      <MantineProvider env="test">
        <LabActionsContext value={actions}>
          <GuideText html={html} />
        </LabActionsContext>
      </MantineProvider>,
    ),
  )
  const shown = element.querySelector<HTMLElement>('div')
  if (!shown) throw new Error('nothing is shown')
  return shown
}

async function click(element: HTMLElement, label: string) {
  const button = [...element.querySelectorAll('button')].find((b) => b.textContent.includes(label) || b.ariaLabel === label)
  if (!button) throw new Error(`no button ${label}`)
  await act(async () => {
    button.click()
    await Promise.resolve()
  })
}

describe('GuideText', () => {
  beforeEach(() => {
    vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true)
    vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }))
    vi.clearAllMocks()
    document.body.replaceChildren()
  })

  afterEach(() => {
    for (const root of roots.splice(0)) act(() => root.unmount())
  })

  it('keeps text and structure', () => {
    const text = show('<h2>Title</h2><p>a <strong>b</strong> <code>c</code></p><ol start="3"><li>d</li></ol>')
    expect(text.querySelector('h2')?.textContent).toBe('Title')
    expect(text.querySelector('ol')?.getAttribute('start')).toBe('3')
    expect(text.textContent).toBe('Titlea b cd')
  })

  it('lets nothing through that could run', () => {
    const text = show(
      '<script>alert(1)</script><p onclick="alert(1)">x<img src="javascript:alert(1)" onerror="alert(1)"></p>' +
        '<a href="javascript:alert(1)">bad</a><a href="JAVA&#9;SCRIPT:alert(1)">bad</a><iframe srcdoc="x"></iframe><form action="/x"><b>kept</b></form>',
    )
    expect(text.querySelectorAll('script, iframe, form, [onclick], [onerror], a[href], img[src]')).toHaveLength(0)
    expect(text.textContent).toContain('kept')
  })

  it('opens links of the web in another tab that knows nothing of this one', () => {
    const link = show('<a href="https://example.com/a">x</a>').querySelector('a')
    expect([link?.getAttribute('href'), link?.target, link?.rel]).toEqual(['https://example.com/a', '_blank', 'noopener noreferrer'])
  })

  it('runs a block in its terminal', async () => {
    const text = show(
      '<div class="block" data-kind="run" data-terminal="2" data-interrupt><pre><code>echo &lt;hi&gt;\nls\n</code></pre></div>',
    )
    await click(text, 'Stop and run')
    expect(actions.run).toHaveBeenCalledWith('echo <hi>\nls', '2', true)
  })

  it('writes a file with its last line ended', async () => {
    const text = show('<div class="block" data-kind="file" data-path="~/a.yaml"><pre><code>a: 1\n</code></pre></div>')
    await click(text, 'Write file')
    expect(actions.writeFile).toHaveBeenCalledWith('~/a.yaml', 'a: 1\n')
  })

  it('offers no copy where the author wants none', async () => {
    const text = show('<div class="block" data-kind="run" data-terminal="1" data-nocopy><pre><code>x</code></pre></div>')
    await expect(click(text, 'Copy')).rejects.toThrow()
  })

  it('opens ports and fills in what the setup wrote', async () => {
    const text = show('<p><a data-port="web" href="#">the page</a> <span data-env="TOKEN"></span> <span data-env="OTHER"></span></p>')
    await click(text, 'the page')
    expect(actions.openPort).toHaveBeenCalledWith('web')
    expect(text.textContent).toContain('k7f2 $OTHER')
  })
})
