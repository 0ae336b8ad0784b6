import type { Limits } from './limit.ts'
import type { ContinueForm } from './continuation.ts'
import type { Hedge } from './hedge.ts'
import type { Price } from './price.ts'
import type { Strategy } from './strategy.ts'

export type Timeouts = Readonly<{
  connectMs: number
  firstByteMs: number
  idleMs: number
  /** The whole of a stream. */
  totalMs: number
  /** The whole of an answer that is not streamed, which nobody sees grow. */
  wholeMs: number
}>

/** One way to serve a model: a provider, one of its keys, and the model's name there. */
export type Deployment = Readonly<{
  /** `provider/upstream-model`, with `#2` and so on behind it for the provider's further keys. */
  id: string
  provider: string
  /** The id of the wildcard's deployment that this one was made of. */
  wildcard?: string
  /** The host and port where it is: what cannot connect there says something of all that is there. */
  address?: string | undefined
  /** Which of the provider's keys, counted from 0. The key itself stays with the provider. */
  keyIndex: number
  /** A short fingerprint of that key, by which it is known when its number changes; absent where none is needed. */
  keyPrint?: string | undefined
  /** Of a wildcard: with a `*` for what the model's own `*` stands for. */
  upstreamModel: string
  /** Those of a higher number are asked when all of the lower ones cannot be. */
  priority: number
  weight: number
  price: Price
  timeouts: Timeouts
  /** Calls at a time that the provider's key may have; Infinity where nobody said. */
  concurrencyMax: number
  /** The stream is parsed and rewritten chunk by chunk: for upstreams that bend the format. */
  repair: boolean
  /** What the upstream calls the output cap. */
  capField: 'max_tokens' | 'max_completion_tokens'
  /** How it is asked to go on with an answer that broke off elsewhere; `instruction` where nobody said. */
  continueAs?: ContinueForm
  /** Fields that this upstream refuses: taken out of the body. */
  stripFields: readonly string[]
}>

export type Model = Readonly<{
  /** The public name; with a `*` at its end it stands for every name that begins like it. */
  id: string
  ownedBy: string
  price: Price
  maxOutput: number
  defaultMaxOutput: number
  /** Tokens that fit into prompt and answer together; undefined where nobody said. */
  contextTokens: number | undefined
  /** The most tokens that one image in the prompt can count. */
  imageTokensMax: number
  /** Service tiers other than the default that have a price, by the name a caller asks for. */
  serviceTiers: Readonly<Record<string, Price>>
  /** How it picks among deployments of one priority. */
  strategy: Strategy
  /** A conversation stays with the deployment that has read its beginning. */
  affinity: boolean
  /** A stream that breaks off goes on at the next deployment. */
  continuesCutStreams?: boolean
  /** Where the first token of a stream is late, another deployment is asked as well. */
  hedge?: Hedge
  /** By priority, then as listed; only those whose provider is on. */
  deployments: readonly Deployment[]
  /** Other models, tried last; the answering model's price is charged. */
  fallbacks: readonly string[]
  /** Of all its callers together. */
  limits: Limits
}>

export type Tier = Readonly<{
  /** Of each of its accounts, where the account has none of its own. */
  limits: Limits
  /** Of an account's turn where requests wait for a provider. */
  weight: number
}>
