import type { AttemptRecord } from '../domain/entry.ts'
import type { FailureCode, Short } from '../domain/failure.ts'
import type { MicroCredits } from '../domain/money.ts'
import type { Outcome } from '../domain/outcome.ts'
import type { Usage } from '../domain/usage.ts'

/** One line per request: who asked for what, who answered, what it cost, how long it took. */
export type RequestEnded = Readonly<{
  requestId: string
  account: string
  key: string
  /** As it was asked for, and the one whose price the answer had: another one after a fallback. */
  model: string
  answeringModel: string
  deployment: string | undefined
  attempts: readonly AttemptRecord[]
  outcome: Outcome
  usage: Usage | undefined
  isEstimated: boolean
  isStream: boolean
  cost: MicroCredits
  charged: MicroCredits
  firstByteMs: number | undefined
  totalMs: number
}>

export type RequestRefused = Readonly<{
  requestId: string
  code: FailureCode
  message: string
  account?: string | undefined
  key?: string | undefined
  model?: string | undefined
  short?: Short | undefined
  cause?: unknown
}>

/** A request that a service has answered; cut: it broke off its answer, left: the caller did not wait for all of it. */
type ServiceAnswered = Readonly<{
  requestId: string
  service: string
  method: string
  account: string
  key: string
  status: number
  outcome: 'finished' | 'cut' | 'left'
  totalMs: number
}>

/** A route by its own name, `/v1/models/*id`, of which there are as many as in the program. */
export type HttpRoute = Readonly<{ method: string; endpoint: string }>

/** Whose token came first: the second one's (won), the first one's (lost), nobody's; or the caller left before. */
export type HedgeResult = 'won' | 'lost' | 'failed' | 'left'

/** Of a stream that broke off: another deployment goes on, those that were asked failed, nobody could be asked. */
export type ContinuationResult = 'went_on' | 'failed' | 'nobody' | 'left'

/** Business events. Telling one costs the caller nothing: it is logged and measured later. */
export interface Events {
  /** A request over HTTP has its answer. One route is always one object. */
  answered(route: HttpRoute, status: number, ms: number): void
  requestEnded(event: RequestEnded): void
  requestRefused(event: RequestRefused): void
  serviceAnswered(event: ServiceAnswered): void
  /** A request waited for room at a provider; without success when it gave up. */
  waited(ms: number, gotRoom: boolean): void
  /** A second deployment was asked beside the first; told when it is known what came of it. */
  hedged(model: string, result: HedgeResult): void
  /** A stream broke off that another deployment was to go on with. */
  continued(model: string, result: ContinuationResult): void
  attemptFailed(event: {
    requestId: string
    attempt: AttemptRecord
    detail: string | undefined
  }): void
  bug(event: { where: string; requestId?: string | undefined; error: unknown }): void
  notice(message: string, facts?: Readonly<Record<string, unknown>>): void
  warning(message: string, facts?: Readonly<Record<string, unknown>>): void
  problem(message: string, facts?: Readonly<Record<string, unknown>>): void
}
