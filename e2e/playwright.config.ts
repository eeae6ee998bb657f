import { defineConfig } from '@playwright/test'
import { chromium } from './fixtures/browser.ts'

/** The journeys: one real server, one real browser, one person at a time. */
export default defineConfig({
  testDir: 'journeys',
  workers: 1, // sandboxes, a database and a browser share two cores
  timeout: 90_000,
  expect: { timeout: 15_000 },
  forbidOnly: process.env.CI !== undefined,
  reporter: [['list']],
  use: {
    launchOptions: chromium(),
    actionTimeout: 15_000,
    navigationTimeout: 20_000,
    viewport: { width: 1280, height: 800 },
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
  },
})
