import { formatCredits, type MicroCredits } from '../domain/money.ts'
import { headerLine, joined, ownLines, type HeaderLines } from '../ports/header-lines.ts'
import type { Attempted } from './attempt.ts'

export type Answering = Pick<Attempted, 'candidate' | 'attempts'>

/** What is known of an answer before its body. */
export const answerHeaders = ({ candidate, attempts }: Answering): HeaderLines =>
  joined(
    headerLine('x-tollgate-provider', candidate.deployment.provider),
    ownLines(`x-tollgate-attempts: ${attempts.length}\r\n`),
  )

export const costHeaders = (charged: MicroCredits, balance: MicroCredits): HeaderLines =>
  ownLines(
    `x-tollgate-cost: ${formatCredits(charged)}\r\nx-tollgate-balance: ${formatCredits(balance)}\r\n`,
  )
