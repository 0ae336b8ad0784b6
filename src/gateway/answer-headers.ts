import { formatCredits, type MicroCredits } from '../domain/money.ts'
import { headerLine, joined, ownLines, type HeaderLines } from '../ports/header-lines.ts'
import type { Attempted } from './attempt.ts'

export type Answering = Pick<Attempted, 'candidate' | 'attempts'>

/** What is known of an answer before its body. */
export const answerHeaders = ({ candidate, attempts }: Answering): HeaderLines =>
  joined(
    providerLine(candidate.deployment.provider),
    ownLines(`x-tollgate-attempts: ${attempts.length}\r\n`),
  )

/** One for each provider of the configuration. Added up for each answer, V8's compiler makes a text of two bytes a character of it. */
const providerLines = new Map<string, HeaderLines>()

function providerLine(provider: string): HeaderLines {
  const known = providerLines.get(provider)
  if (known !== undefined) return known
  const line = headerLine('x-tollgate-provider', provider)
  providerLines.set(provider, line)
  return line
}

export const costHeaders = (charged: MicroCredits, balance: MicroCredits): HeaderLines =>
  ownLines(
    `x-tollgate-cost: ${formatCredits(charged)}\r\nx-tollgate-balance: ${formatCredits(balance)}\r\n`,
  )
