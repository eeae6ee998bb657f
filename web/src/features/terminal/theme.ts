import type { ITheme } from '@xterm/xterm'

// The sixteen colours hold 4.5:1 on their background where a program is likely to write text in them.
const dark: ITheme = {
  background: '#0e1014',
  foreground: '#d7dae0',
  cursor: '#9c9cff',
  cursorAccent: '#0e1014',
  selectionBackground: '#3d4263',
  black: '#3b4048',
  red: '#ff7b85',
  green: '#7fd88f',
  yellow: '#e5c07b',
  blue: '#7aa8ff',
  magenta: '#d19bf0',
  cyan: '#5fd0d8',
  white: '#c8ccd4',
  brightBlack: '#8a919e',
  brightRed: '#ff9aa2',
  brightGreen: '#9ee8ab',
  brightYellow: '#f2d59a',
  brightBlue: '#a0c1ff',
  brightMagenta: '#e0b8f7',
  brightCyan: '#8be2e8',
  brightWhite: '#ffffff',
}

const light: ITheme = {
  background: '#fbfbfd',
  foreground: '#23262f',
  cursor: '#5151cd',
  cursorAccent: '#fbfbfd',
  selectionBackground: '#d5d8f8',
  black: '#23262f',
  red: '#c2273a',
  green: '#1b7a3a',
  yellow: '#8a5a00',
  blue: '#2356c8',
  magenta: '#8b35b8',
  cyan: '#0c7489',
  white: '#6b7180',
  brightBlack: '#5b6270',
  brightRed: '#a81d30',
  brightGreen: '#14662f',
  brightYellow: '#754c00',
  brightBlue: '#1b46a8',
  brightMagenta: '#742a9c',
  brightCyan: '#095f70',
  brightWhite: '#23262f',
}

export function terminalTheme(scheme: 'light' | 'dark'): ITheme {
  return scheme === 'dark' ? dark : light
}
