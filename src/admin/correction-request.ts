import { z } from 'zod'
import { isObject } from '../domain/chat-request.ts'
import type { Correction, CorrectionKind } from '../domain/correction.ts'
import { invalidRequest } from '../domain/failure.ts'
import { accountName, amountAboveZero, reason, requestId, signedAmount } from './fields.ts'
import { readInput } from './read-input.ts'

export type CorrectionWish = Readonly<{ correction: Correction; reason: string }>

const why = reason.nullish().transform((words) => words ?? '')
const whole = z.strictObject({ account: accountName, amount: amountAboveZero, reason: why })

/** What may be said of each kind: the same over HTTP, where the address names the account or request, and by command. */
export const CORRECTION_FORMS = {
  credit: whole,
  debit: whole,
  adjust: z.strictObject({
    account: accountName,
    amount: signedAmount,
    reason: reason.refine((words) => words !== '', {
      error: 'is missing: an adjustment says why it is made.',
    }),
  }),
  refund: z.strictObject({
    request: requestId,
    amount: amountAboveZero.nullish().meta({ description: 'All that is left, without one' }),
    reason: why,
  }),
  transfer: z.strictObject({
    from: accountName,
    to: accountName,
    amount: amountAboveZero,
    reason: why,
  }),
} as const satisfies Record<CorrectionKind, z.ZodObject>

function parseCorrection(kind: CorrectionKind, body: unknown): CorrectionWish {
  switch (kind) {
    case 'transfer':
      return transferWish(readInput(CORRECTION_FORMS.transfer, body))
    case 'refund': {
      const { reason, request, amount } = readInput(CORRECTION_FORMS.refund, body)
      return { correction: { kind, request, amount: amount ?? undefined }, reason }
    }
    case 'adjust':
    case 'credit':
    case 'debit': {
      const { reason, account, amount } = readInput(CORRECTION_FORMS[kind], body)
      return { correction: { kind, account, amount }, reason }
    }
  }
}

export function transferWish({
  reason,
  from,
  to,
  amount,
}: z.output<typeof CORRECTION_FORMS.transfer>): CorrectionWish {
  if (from === to) throw invalidRequest("'to' must be another account than 'from'.", 'to')
  return { correction: { kind: 'transfer', from, to, amount }, reason }
}

/** What the command line sends: the kind and the idempotency key beside the fields. */
export function parseCorrectionCommand(input: unknown) {
  const { kind, idempotencyKey, ...fields } = isObject(input) ? input : {}
  if (!isKind(kind))
    throw invalidRequest(`'kind' must be one of ${Object.keys(CORRECTION_FORMS).join(', ')}.`)
  return {
    ...parseCorrection(kind, fields),
    idempotencyKey: parseIdempotencyKey(idempotencyKey),
  }
}

const isKind = (kind: unknown): kind is CorrectionKind =>
  typeof kind === 'string' && Object.hasOwn(CORRECTION_FORMS, kind)

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/

/** Needed for all that moves money: a caller who hears no answer must be able to ask again without paying twice. */
export function parseIdempotencyKey(value: unknown): string {
  if (typeof value === 'string' && IDEMPOTENCY_KEY.test(value)) return value
  throw invalidRequest(
    'Send an Idempotency-Key of 1 to 255 visible ASCII characters, such as a UUID: new for each operation, and the ' +
      'same when you send that operation again.',
    'Idempotency-Key',
  )
}
