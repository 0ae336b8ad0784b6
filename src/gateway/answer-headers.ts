import { formatCredits, type MicroCredits } from '../domain/money.ts'
import type { ReplyHeaders } from '../ports/reply.ts'
import type { Attempted } from './attempt.ts'

export type Answering = Pick<Attempted, 'candidate' | 'attempts'>

/** What is known of an answer before its body. */
export const answerHeaders = ({ candidate, attempts }: Answering): ReplyHeaders => [
  'x-tollgate-provider',
  candidate.deployment.provider,
  'x-tollgate-attempts',
  String(attempts.length),
]

export const costHeaders = (charged: MicroCredits, balance: MicroCredits): ReplyHeaders => [
  'x-tollgate-cost',
  formatCredits(charged),
  'x-tollgate-balance',
  formatCredits(balance),
]
