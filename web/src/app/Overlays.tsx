import { useHotkeys } from '@mantine/hooks'
import { lazy, Suspense, useEffect, useState } from 'react'
import { onOpen, openPalette, openShortcuts, type OverlayName } from './overlay'

const Palette = lazy(() => import('./Palette').then((module) => ({ default: module.Palette })))
const Shortcuts = lazy(() => import('./Shortcuts').then((module) => ({ default: module.Shortcuts })))

/** The palette and the list of shortcuts, by their keys or when something asks for them. */
export function Overlays() {
  const [loaded, setLoaded] = useState<ReadonlySet<OverlayName>>(new Set())
  const [opened, setOpened] = useState<OverlayName>()
  useEffect(
    () =>
      onOpen((name) => {
        setLoaded((before) => new Set(before).add(name))
        setOpened(name)
      }),
    [],
  )
  // a terminal keeps its Ctrl-K: keys in text fields are not ours
  useHotkeys([
    ['mod + K', openPalette],
    ['?', openShortcuts],
    ['shift + ?', openShortcuts],
  ])
  const close = () => setOpened(undefined)
  return (
    <Suspense>
      {loaded.has('palette') && <Palette opened={opened === 'palette'} onClose={close} />}
      {loaded.has('shortcuts') && <Shortcuts opened={opened === 'shortcuts'} onClose={close} />}
    </Suspense>
  )
}
