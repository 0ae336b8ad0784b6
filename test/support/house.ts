import OpenAI from 'openai'
import { startFaultProvider, type FaultProvider } from '../fault-provider/fault-provider.ts'
import { startGateway, type GatewayProcess } from './gateway-process.ts'
import { checkBooks } from './true-books.ts'

export type House = Readonly<{
  gateway: GatewayProcess
  upstream: FaultProvider
  /** A client with a new account of this much credit. */
  client: (credits?: string) => Promise<Client>
  /** Throws where the books are not true in the end. */
  close: () => Promise<void>
}>

export type Client = Readonly<{
  openai: OpenAI
  key: string
  account: string
  balance: () => Promise<string>
  held: () => Promise<string>
}>

export type Deployments = Readonly<Record<string, readonly string[]>>

/** Prices of the test models: 2 credits a prompt token and 8 an output token at 1 000 000 credits per dollar. */
export const PRICE = { input: 2, output: 8 } as const

/** A gateway whose models are answered by the fault provider as their upstream names say. */
export async function openHouse(
  models: Deployments,
  extra = '',
  env: Readonly<Record<string, string>> = {},
): Promise<House> {
  const upstream = await startFaultProvider()
  const gateway = await startGateway({ config: configFor(upstream.baseUrl, models, extra), env })
  let accounts = 0
  return {
    ...{ gateway, upstream },
    async client(credits = '1000000') {
      const account = `user${accounts++}`
      const { key } = await gateway.user(account, credits)
      return clientOf(gateway.url, account, key)
    },
    async close() {
      await gateway.stop()
      try {
        checkBooks(gateway)
      } finally {
        await gateway.close()
        await upstream.close()
      }
    },
  }
}

export function clientOf(url: string, account: string, key: string): Client {
  const credits = async (): Promise<{ balance: string; held: string }> => {
    const response = await fetch(`${url}/v1/account`, {
      headers: { authorization: `Bearer ${key}` },
    })
    return ((await response.json()) as { credits: { balance: string; held: string } }).credits
  }
  return {
    openai: new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: 0 }),
    ...{ key, account },
    balance: async () => (await credits()).balance,
    held: async () => (await credits()).held,
  }
}

/** Unless a test brings its own. */
const TIERS = 'tiers: { free: { requests_per_minute: 0 } }'
const STRANGERS = 'strangers: { requests_per_minute: 0, failures_per_minute: 0 }'

export function configFor(baseUrl: string, models: Deployments, extra = ''): string {
  const list = Object.entries(models).map(
    ([id, upstreamModels]) => `
  - id: ${id}
    price: { input: ${PRICE.input}, output: ${PRICE.output} }
    max_output: 4096
    default_max_output: 100
    deployments:
${upstreamModels.map((model) => `      - { provider: fake, model: "${model}" }`).join('\n')}`,
  )
  return `accounting: { credits_per_usd: 1000000, markup: 0, default_max_output: 100 }
${extra.includes('strangers:') ? '' : STRANGERS}
${extra.includes('tiers:') ? '' : TIERS}
providers:
  - id: fake
    protocol: openai
    base_url: ${baseUrl}
    api_keys: upstream-secret-1
    timeouts: { connect_ms: 1000, first_byte_ms: 1500, idle_ms: 1500, total_ms: 8000 }
models:${list.join('')}
${extra}`
}

export const MESSAGES = [{ role: 'user' as const, content: 'Say some words.' }]

/** What the answer cost by the upstream's own count and a sum of prices of its own: whole credits, so plain numbers do. */
export const costOf = ({ prompt, completion }: { prompt: number; completion: number }): number =>
  prompt * PRICE.input + completion * PRICE.output
