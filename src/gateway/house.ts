import type { KeyRecord } from '../domain/key.ts'
import type { ChatRequest } from '../domain/chat-request.ts'
import type { TextSize } from '../domain/estimate.ts'
import type { Catalog } from '../ports/catalog.ts'
import type { Clock } from '../ports/clock.ts'
import type { Events } from '../ports/events.ts'
import type { Keys } from '../ports/keys.ts'
import type { Load } from '../ports/load.ts'
import type { Ledger } from '../ports/ledger.ts'
import type { Providers } from '../ports/provider.ts'
import type { Traces } from '../ports/traces.ts'
import type { TokenCounter } from '../ports/token-counter.ts'
import type { Credential } from './authenticate.ts'
import type { Limits } from './limits.ts'
import type { RoomLimits } from './room.ts'
import type { Strangers } from './strangers.ts'
import type { Traffic } from './traffic.ts'

/** All that a request needs of the world. */
export type House = Readonly<{
  keys: Keys
  ledger: Ledger
  catalog: Catalog
  providers: Providers
  counter: TokenCounter
  clock: Clock
  events: Events
  traffic: Traffic
  load: Load
  limits: Limits
  strangers: Strangers
  /** Undefined where nobody collects traces. */
  traces: Traces | undefined
  /** From 0 to 1, drawn anew at each call. */
  chance: () => number
}>

/** A chat completion as it came in. */
export type IncomingCall = Readonly<{
  requestId: string
  credential: Credential
  /** The most that the caller wants to pay for it, as they wrote it. */
  maxCost: string | undefined
  /** Whether nobody sits and waits for the answer, as they wrote it. */
  batch: string | undefined
  /** The caller's name for this request and all repeats of it. */
  idempotencyKey: string | undefined
  /** How often the caller's SDK has sent it before, as it says. */
  retryCount: string | undefined
  /** Reads and checks the body: only after the key is known to be good. */
  read: () => ReadBody | Promise<ReadBody>
}>

export type ReadBody = Readonly<{ request: ChatRequest; size: TextSize }>

/** A caller who is known and has taken room, and what they ask. */
export type Entered = Readonly<{ key: KeyRecord; room: RoomLimits; body: ReadBody }>
