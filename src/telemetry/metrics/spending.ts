import type { Registry } from 'prom-client'
import { BUCKETS, type Bucket } from '../../domain/usage.ts'
import type { RequestEnded } from '../../ports/events.ts'
import { Counts, type Count } from './counts.ts'

/** What a model's answers by one provider are counted by. */
type Account = Readonly<{
  tokens: readonly (readonly [Bucket, Count])[]
  charged: Count
  overrun: Count
  usd: Count
}>

const KINDS = {
  input: 'input',
  cachedInput: 'cached_input',
  cacheWrite: 'cache_write',
  image: 'image',
  output: 'output',
  audioInput: 'audio_input',
  audioOutput: 'audio_output',
} as const satisfies Record<Bucket, string>

type Spent = Readonly<{ model: string; provider: string; creditsPerUsd: number }>

/** Tokens and money as the ledger settled them: whole micro-credits, so that the sums are the ledger's to the unit. */
export class Spending {
  readonly #metrics: ReturnType<typeof define>
  readonly #accounts = new Map<string, Map<string, Account>>()

  constructor(registry: Registry) {
    this.#metrics = define(registry)
  }

  add({ usage, cost, charged }: RequestEnded, { model, provider, creditsPerUsd }: Spent): void {
    const account = this.#accounts.get(model)?.get(provider) ?? this.#open(model, provider)
    if (usage !== undefined) {
      for (const [bucket, count] of account.tokens) count.value += usage[bucket]
    }
    account.charged.value += Number(charged)
    // A sub-account pays its reseller's markup, too: more than the cost is no debt of the operator's.
    if (cost > charged) account.overrun.value += Number(cost - charged)
    account.usd.value += Number(cost) / 1e6 / creditsPerUsd
  }

  #open(model: string, provider: string): Account {
    const { tokens, charged, overrun, usd } = this.#metrics
    const account = {
      tokens: BUCKETS.map((bucket) => [bucket, tokens.of(model, KINDS[bucket])] as const),
      charged: charged.of(model),
      overrun: overrun.of(model),
      usd: usd.of(model, provider),
    }
    const ofModel = this.#accounts.get(model) ?? new Map<string, Account>()
    this.#accounts.set(model, ofModel.set(provider, account))
    return account
  }
}

function define(registry: Registry) {
  return {
    tokens: new Counts({
      name: 'api_gateway_tokens_charged_total',
      help: 'Model tokens of settled requests, each in one kind, by the model whose price they had.',
      ...{ labels: ['model', 'kind'], registry },
    }),
    charged: new Counts({
      name: 'api_gateway_charged_microcredits_total',
      help: 'What the accounts that asked paid for settled requests, in millionths of a credit.',
      ...{ labels: ['model'], registry },
    }),
    overrun: new Counts({
      name: 'api_gateway_overrun_microcredits_total',
      help: 'What settled requests cost beyond that, which the operator bears, in millionths of a credit.',
      ...{ labels: ['model'], registry },
    }),
    usd: new Counts({
      name: 'api_gateway_cost_usd_total',
      help: 'What settled requests cost by the prices of the configuration, markup included, in US dollars.',
      ...{ labels: ['model', 'provider'], registry },
    }),
  }
}
