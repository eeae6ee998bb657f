import { defineConfig } from '@playwright/test'
import journeys from './playwright.config.ts'

/** `make screenshots`: the documentation's pictures, of the real thing. */
export default defineConfig({
  ...journeys,
  testDir: 'screenshots',
  use: { ...journeys.use, viewport: { width: 1360, height: 850 }, deviceScaleFactor: 1.5, trace: 'off' },
})
