import type { FailureCode, FailureDetails } from '../../../domain/failure.ts'
import type { RequestRecords } from '../../../domain/receipt.ts'
import type { TrailPage, TrailQuery } from '../../../domain/trail.ts'
import type { UsagePage, UsageQuery } from '../../../domain/usage-query.ts'
import type { End } from './reader.ts'

/**
 * What the thread is asked; `make` asks it to read what was sealed, and nobody waits for that; `makeNext` to read one segment
 * of it, and to say how many are left.
 */
export type Question = Readonly<{ end: End }> &
  Readonly<
    | { kind: 'sum'; query: UsageQuery }
    | { kind: 'request'; request: string }
    | { kind: 'trail'; query: TrailQuery }
    | { kind: 'make' }
    | { kind: 'makeNext' }
  >

export type Asked = Readonly<{ id: number; question: Question }>

/** A refusal is a `Failure`, which cannot cross between threads. Trouble under id 0 belongs to no question. */
export type Answered = Readonly<{ id: number }> & Answer
export type Answer = Readonly<
  | { kind: 'answer'; result: UsagePage | RequestRecords | TrailPage | number | undefined }
  | { kind: 'refused'; code: FailureCode; message: string; details: FailureDetails }
  | { kind: 'trouble'; message: string }
>
