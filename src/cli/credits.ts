import { randomUUID } from 'node:crypto'
import type { CorrectionView } from '../admin/correct-credit.ts'
import type { CorrectionKind } from '../domain/correction.ts'
import type { Action, Given, Resource } from './resource.ts'

const OPTIONS = {
  reason: { value: 'TEXT', does: 'why: kept in the journal and shown in the audit trail' },
  'idempotency-key': {
    value: 'KEY',
    does: 'the same key does it once, however often it is repeated within 24 hours (a new one if left out)',
  },
}

type Correcting = Pick<Action, 'usage' | 'does' | 'words'> &
  Partial<Pick<Action, 'needed' | 'question'>>

const correcting = (kind: CorrectionKind, action: Correcting): Action => ({
  ...{ needed: action.words.length, options: OPTIONS },
  ...action,
  async run({ 'idempotency-key': given, ...fields }: Given, ask) {
    const idempotencyKey = given ?? randomUUID()
    try {
      const made = (await ask('correct-credit', {
        kind,
        idempotencyKey,
        ...fields,
      })) as CorrectionView
      return { json: made, text: text(made) }
    } catch (error) {
      throw repeatable(error, idempotencyKey)
    }
  },
})

/** The server died before it answered: whoever asks again under the same key learns what came of it. */
function repeatable(error: unknown, idempotencyKey: string): unknown {
  if (!(error instanceof Error && error.name === 'LostServer')) return error
  const advice = `Repeating it with --idempotency-key ${idempotencyKey} is safe.`
  return Object.assign(error, { message: `${error.message} ${advice}` }) // the exit code goes by what kind it is
}

export const credits: Resource = {
  does: 'credit of accounts: every change is a further entry in the journal',
  actions: {
    grant: correcting('credit', {
      usage: 'credits grant ACCOUNT AMOUNT [--reason TEXT]',
      does: 'Pays AMOUNT credits in, such as 100 or 0.5.',
      words: ['account', 'amount'],
    }),
    deduct: correcting('debit', {
      usage: 'credits deduct ACCOUNT AMOUNT [--reason TEXT]',
      does: 'Takes AMOUNT credits out, of those that are free.',
      words: ['account', 'amount'],
      question: ({ account, amount }) => `Take ${amount} credits from '${account}'?`,
    }),
    refund: correcting('refund', {
      usage: 'credits refund REQUEST_ID [AMOUNT] [--reason TEXT]',
      does: 'Gives back what a request was charged, or AMOUNT of it; never more than was paid in all.',
      words: ['request', 'amount'],
      needed: 1,
      question: ({ request, amount }) => `Refund ${amount ?? 'all that is left'} of ${request}?`,
    }),
    transfer: correcting('transfer', {
      usage: 'credits transfer FROM TO AMOUNT [--reason TEXT]',
      does: 'Moves AMOUNT credits that are free from one account to another, in one step.',
      words: ['from', 'to', 'amount'],
      question: ({ from, to, amount }) => `Move ${amount} credits from '${from}' to '${to}'?`,
    }),
    adjust: correcting('adjust', {
      usage: 'credits adjust ACCOUNT AMOUNT --reason TEXT',
      does: 'Puts a balance right by AMOUNT credits, with a minus in front to take; needs a reason.',
      words: ['account', 'amount'],
      question: ({ account, amount }) => `Adjust '${account}' by ${amount} credits?`,
    }),
  },
}

function text(made: CorrectionView): string {
  const left = made.kind === 'transfer' ? [made.from, made.to] : [made]
  const rows = left.map(
    ({ account, balance, held }) => `${account} has ${balance} credits (${held} held)`,
  )
  return [`${made.id}: ${made.kind} of ${made.amount} credits`, ...rows, ''].join('\n')
}
