import type { Config, ProviderSettings, Secrets } from '../config/config.ts'
import { keyPrint } from '../config/key-print.ts'
import type { Provider, Providers } from '../ports/provider.ts'
import { demoProvider } from '../providers/demo/demo-provider.ts'
import { openaiProvider } from '../providers/openai/openai-provider.ts'

export type LiveProviders = Readonly<{
  find: Providers
  replace(config: Config, secrets: Secrets): void
  close(): Promise<void>
}>

type Running = Readonly<{ provider: Provider; identity: string }>

/** The adapters of the providers that are on. A reload keeps those that did not change, with their connections. */
export function liveProviders(config: Config, secrets: Secrets): LiveProviders {
  let running = start(config, secrets, new Map())
  return {
    find: (id) => running.get(id)?.provider,
    replace(nextConfig, nextSecrets) {
      const before = running
      running = start(nextConfig, nextSecrets, before)
      for (const [id, { provider }] of before) {
        // Closing waits for the calls that still run on it; nobody here waits for that.
        if (running.get(id)?.provider !== provider) void provider.close()
      }
    },
    async close() {
      await Promise.all(Array.from(running.values(), ({ provider }) => provider.close()))
    },
  }
}

function start(
  config: Config,
  secrets: Secrets,
  before: ReadonlyMap<string, Running>,
): ReadonlyMap<string, Running> {
  return new Map(
    config.providers.map((settings) => {
      const keys = secrets.providerKeys.get(settings.id) ?? []
      const identity = JSON.stringify([settings, keys])
      const known = before.get(settings.id)
      if (known?.identity === identity) return [settings.id, known]
      return [settings.id, { identity, provider: adapter(settings, keys) }]
    }),
  )
}

/** The only place that knows which protocol has which adapter. */
function adapter(settings: ProviderSettings, apiKeys: readonly string[]): Provider {
  switch (settings.protocol) {
    case 'openai': {
      const { baseUrl, headers } = settings
      return openaiProvider({ baseUrl, apiKeys, keyPrints: apiKeys.map(keyPrint), headers })
    }
    case 'demo':
      return demoProvider()
  }
}
