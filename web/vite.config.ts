import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// During development the API, identity and terminals are a running `cloudkida serve`.
const server = process.env.CLOUDKIDA_URL ?? 'http://localhost:8080'

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': new URL('./src', import.meta.url).pathname } },
  // web.go puts a fresh nonce in place of this word into every page that it serves.
  html: { cspNonce: 'CSP_NONCE' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the content policy allows no data: URLs
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // What every page needs changes less often than our own code: returning visitors keep it.
        codeSplitting: {
          groups: [{ name: 'react', test: /node_modules\/(react|react-dom|scheduler)\// }],
        },
      },
    },
  },
  server: {
    proxy: Object.fromEntries(
      ['/v1', '/pools', '/openapi.json', '/docs'].map((path) => [path, { target: server, ws: true }]),
    ),
  },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'] },
})
