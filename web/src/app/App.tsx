import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { ApiError } from '@/lib/api/problem'
import { nonce } from '@/lib/nonce'
import { Messages } from './Messages'
import { newRouter } from './router'
import { useBrand, useTabIcon } from '@/lib/brand'
import { theme, variablesOf } from './theme'

const colorSchemes = localStorageColorSchemeManager({ key: 'cloudkida.colour-scheme' })

function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        // what was refused stays refused; what did not arrive may arrive
        retry: (count, error) => count < 2 && error instanceof ApiError && error.passing,
      },
      // tried without a connection, too: who pressed a button learns at once that it did nothing
      mutations: { retry: false, networkMode: 'always' },
    },
  })
}

export function App() {
  const [client] = useState(newQueryClient)
  const [router] = useState(() => newRouter(client))
  const brand = useBrand()
  const variables = useMemo(() => variablesOf(brand), [brand])
  useTabIcon()
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      colorSchemeManager={colorSchemes}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <Messages />
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  )
}
