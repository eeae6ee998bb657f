import { createTheme, defaultVariantColorsResolver, type CSSVariablesResolver, type MantineColorsTuple, type VariantColorsResolver } from '@mantine/core'
import type { Brand } from '@/lib/brand'
import { t } from '@/lib/i18n'

const iris: MantineColorsTuple = [
  '#f2f2fe', '#e4e4fb', '#c8c8f4', '#abaaee', '#8f8ee8', '#7675e1', '#6362d8', '#5151cd', '#4543b4', '#38379a',
]

/** Greys of the dark scheme: a little blue, so that the terminal sits in them. */
const dark: MantineColorsTuple = [
  '#e6e8ec', '#c4c8d0', '#9ea4b0', '#737a88', '#3a3f4b', '#2b2f39', '#1d2028', '#14161b', '#0f1115', '#0a0b0e',
]

const closeButtonProps = { 'aria-label': t('actions.close') }

const grow = { in: { transform: 'scale(1)' }, out: { transform: 'scale(0.97)' }, transitionProperty: 'transform' }

/** What is written on the primary colour is white or black, whichever a brand's colour needs. */
const variantColorResolver: VariantColorsResolver = (input) => {
  const resolved = defaultVariantColorsResolver(input)
  return input.variant === 'filled' && (input.color ?? 'iris') === 'iris' ? { ...resolved, color: 'var(--ck-on-fill)' } : resolved
}

export const theme = createTheme({
  primaryColor: 'iris',
  variantColorResolver,
  primaryShade: { light: 7, dark: 7 },
  colors: { iris, dark },
  fontFamily: "'Inter Variable', system-ui, -apple-system, 'Segoe UI', sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace",
  headings: { fontWeight: '680', sizes: { h1: { fontSize: '28px' }, h2: { fontSize: '20px' } } },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    // within the landmark of what it explains
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true, withinPortal: false, floatingStrategy: 'fixed' } },
    Modal: {
      defaultProps: {
        centered: true,
        radius: 'lg',
        closeButtonProps,
        attributes: { header: { role: 'presentation' } }, // no second banner beside the page's
        // never half transparent, and gone at once: what it covers is what comes next
        transitionProps: { transition: grow, duration: 120, exitDuration: 0 },
      },
    },
    Notification: {
      defaultProps: { closeButtonProps, styles: { description: { color: 'var(--mantine-color-dimmed)' } } },
    },
    Table: {
      defaultProps: {
        verticalSpacing: 'sm',
        horizontalSpacing: 'md',
        highlightOnHover: true,
        borderColor: 'var(--ck-border)',
        highlightOnHoverColor: 'var(--ck-hover)',
        styles: { th: { fontSize: '12.5px', fontWeight: 550, color: 'var(--mantine-color-dimmed)' } },
      },
    },
    // what is wider than the window is scrolled by the keyboard, too
    TableScrollContainer: { defaultProps: { type: 'native', tabIndex: 0 } },
    Badge: { defaultProps: { tt: 'none', fw: 600 } },
    Menu: {
      defaultProps: {
        shadow: 'md',
        radius: 'md',
        // a menu has menu items only, and lies in the landmark of its button
        withInitialFocusPlaceholder: false,
        withinPortal: false,
        floatingStrategy: 'fixed',
      },
    },
  },
})

/** Our own variables, and those of Mantine that would fail 4.5:1 as they come. */
const variables = {
  variables: { '--ck-on-fill': '#ffffff' },
  light: {
    '--mantine-color-dimmed': '#5b6270',
    '--mantine-color-placeholder': '#6b7280',
    '--mantine-color-text': '#16181d',
    '--mantine-color-anchor': '#4543b4',
    '--mantine-color-error': '#c2273a',
    '--mantine-color-red-filled': '#c92a3a',
    '--mantine-color-red-filled-hover': '#ae2331',
    '--mantine-color-green-light': '#e7f7ed',
    '--mantine-color-yellow-light': '#fcf5e0',
    '--mantine-color-red-light': '#fdeff0',
    '--mantine-color-gray-light': '#f1f2f5',
    '--mantine-color-green-light-color': '#136c35',
    '--mantine-color-yellow-light-color': '#7a4f00',
    '--mantine-color-red-light-color': '#b3202f',
    '--mantine-color-gray-light-color': '#4a505c',
    '--ck-border': '#e4e6eb',
    '--ck-strong-border': '#c3c7d0',
    '--ck-surface': '#f7f8fa',
    '--ck-raised': '#ffffff',
    '--ck-code': '#f6f7f9',
    '--ck-tint': '#f0f0fd',
    '--ck-hover': '#f1f2f5',
    '--ck-accent': '#5151cd',
    '--ck-good': '#1f9d55',
    '--ck-good-solid': '#17803f',
    '--ck-good-text': '#136c35',
    '--ck-good-tint': '#effaf3',
    '--ck-warn': '#e0a100',
    '--ck-warn-text': '#8a5a00',
    '--ck-bad': '#d63344',
    '--ck-bad-text': '#b3202f',
    '--ck-bad-tint': '#fdf2f3',
  },
  dark: {
    '--mantine-color-dimmed': '#9ea4b0',
    '--mantine-color-placeholder': '#8a909c',
    '--mantine-color-anchor': '#abaaee',
    '--mantine-color-error': '#ff8791',
    '--mantine-color-red-filled': '#c92a3a',
    '--mantine-color-red-filled-hover': '#ae2331',
    '--mantine-color-green-light': '#15301f',
    '--mantine-color-yellow-light': '#2b2413',
    '--mantine-color-red-light': '#33191d',
    '--mantine-color-gray-light': '#262a33',
    '--mantine-color-green-light-color': '#7ddfa4',
    '--mantine-color-yellow-light-color': '#f0cf7d',
    '--mantine-color-red-light-color': '#ff9ca4',
    '--mantine-color-gray-light-color': '#c4c8d0',
    '--mantine-primary-color-light-color': '#b6b5f2',
    '--ck-border': '#282c35',
    '--ck-strong-border': '#444a57',
    '--ck-surface': '#181a20',
    '--ck-raised': '#191c22',
    '--ck-code': '#101217',
    '--ck-tint': '#23233c',
    '--ck-hover': '#22252d',
    '--ck-accent': '#8f8ee8',
    '--ck-good': '#3fbf74',
    '--ck-good-solid': '#17803f',
    '--ck-good-text': '#6fdc9b',
    '--ck-good-tint': '#13261b',
    '--ck-warn': '#e3b341',
    '--ck-warn-text': '#e9c46a',
    '--ck-bad': '#f0616d',
    '--ck-bad-text': '#ff8f98',
    '--ck-bad-tint': '#2b1619',
  },
}

/** A brand's colours in place of the product's, in one scheme. */
function coloursOf({ fill, hover, text, link, ring, tint }: Brand['light']) {
  return {
    '--mantine-color-iris-filled': fill,
    '--mantine-color-iris-filled-hover': hover,
    '--mantine-color-iris-light': tint,
    '--mantine-color-iris-light-hover': tint,
    '--mantine-color-iris-light-color': link,
    '--mantine-color-iris-text': link,
    '--mantine-color-iris-outline': ring,
    '--mantine-primary-color-light-color': link,
    '--mantine-color-anchor': link,
    '--ck-accent': ring,
    '--ck-tint': tint,
    '--ck-on-fill': text,
  }
}

/** The colours that a brand has of its own; the product's are the theme's. */
export function variablesOf(brand: Brand | undefined): CSSVariablesResolver {
  if (!brand || (brand.primary === iris[7] && brand.accent === iris[8])) return () => variables
  return () => ({
    variables: variables.variables,
    light: { ...variables.light, ...coloursOf(brand.light) },
    dark: { ...variables.dark, ...coloursOf(brand.dark) },
  })
}
