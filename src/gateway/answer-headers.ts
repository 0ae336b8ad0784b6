import { Failure } from '../domain/failure.ts'
import { formatCredits, ZERO, type MicroCredits } from '../domain/money.ts'
import { headerLine, joined, ownLines, type HeaderLines } from '../ports/header-lines.ts'
import type { Reply } from '../ports/reply.ts'
import type { Attempted } from './attempt.ts'
import type { House } from './house.ts'

export type Answering = Pick<Attempted, 'candidate' | 'attempts'>

/** What is known of an answer before its body. */
export const answerHeaders = ({ candidate, attempts }: Answering): HeaderLines =>
  joined(providerLine(candidate.deployment.provider), attemptsLine(attempts.length))

export const attemptsLine = (attempts: number): HeaderLines =>
  ownLines(`x-tollgate-attempts: ${attempts}\r\n`)

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

/** Of a refusal before anybody was asked. */
export function announceUnasked(
  { ledger }: House,
  { account, reply }: Readonly<{ account: string; reply: Reply }>,
  error: unknown,
): void {
  const credit = error instanceof Failure ? ledger.account(account)?.credit : undefined
  if (credit !== undefined)
    reply.announce(joined(attemptsLine(0), costHeaders(ZERO, credit.balance)))
}
