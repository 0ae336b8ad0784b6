import type { AttemptRecord } from '../domain/entry.ts'
import type { FailureCode } from '../domain/failure.ts'
import type { MicroCredits } from '../domain/money.ts'
import type { Outcome } from '../domain/outcome.ts'
import type { Usage } from '../domain/usage.ts'

/** One line per request: who asked for what, who answered, what it cost, how long it took. */
export type RequestEnded = Readonly<{
  requestId: string
  account: string
  key: string
  model: string
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
  cause?: unknown
}>

/** Business events. Telling one costs the caller nothing: it is logged and measured later. */
export interface Events {
  requestEnded(event: RequestEnded): void
  requestRefused(event: RequestRefused): void
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
