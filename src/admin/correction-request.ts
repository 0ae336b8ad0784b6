import { ACCOUNT_NAME } from '../domain/account.ts'
import { isObject, type JsonObject } from '../domain/chat-request.ts'
import type { Correction, CorrectionKind } from '../domain/correction.ts'
import { invalidRequest } from '../domain/failure.ts'
import { parseCredits, parseSignedCredits, type MicroCredits } from '../domain/money.ts'

export type CorrectionWish = Readonly<{ correction: Correction; reason: string }>

/** What may be said of each kind: the same over HTTP, where the address names the account or request, and by command. */
const FIELDS = {
  credit: ['account', 'amount', 'reason'],
  debit: ['account', 'amount', 'reason'],
  adjust: ['account', 'amount', 'reason'],
  refund: ['request', 'amount', 'reason'],
  transfer: ['from', 'to', 'amount', 'reason'],
} as const satisfies Record<CorrectionKind, readonly string[]>

export function parseCorrection(kind: CorrectionKind, body: unknown): CorrectionWish {
  if (!isObject(body)) throw invalidRequest('Send a JSON object.')
  const fields: readonly string[] = FIELDS[kind]
  for (const name of Object.keys(body)) {
    if (!fields.includes(name))
      throw invalidRequest(`There is no field '${name}'. Fields: ${fields.join(', ')}.`, name)
  }
  const reason = reasonIn(body)
  if (kind === 'adjust' && reason === '')
    throw invalidRequest("'reason' is missing: an adjustment says why it is made.", 'reason')
  return { correction: correctionIn(kind, body), reason }
}

/** What the command line sends: the kind and the idempotency key beside the fields. */
export function parseCorrectionCommand(input: unknown) {
  const { kind, idempotencyKey, ...fields } = isObject(input) ? input : {}
  if (!isKind(kind))
    throw invalidRequest(`'kind' must be one of ${Object.keys(FIELDS).join(', ')}.`)
  return {
    ...parseCorrection(kind, fields),
    idempotencyKey: parseIdempotencyKey(idempotencyKey),
  }
}

const isKind = (kind: unknown): kind is CorrectionKind =>
  typeof kind === 'string' && Object.hasOwn(FIELDS, kind)

function correctionIn(kind: CorrectionKind, body: JsonObject): Correction {
  switch (kind) {
    case 'transfer': {
      const [from, to] = [accountIn(body, 'from'), accountIn(body, 'to')]
      if (from === to) throw invalidRequest("'to' must be another account than 'from'.", 'to')
      return { kind, from, to, amount: amountIn(body) }
    }
    case 'refund': {
      const amount = isAbsent(body['amount']) ? undefined : amountIn(body)
      return { kind, request: requestIn(body), amount }
    }
    case 'adjust':
      return { kind, account: accountIn(body, 'account'), amount: signedAmountIn(body) }
    case 'credit':
    case 'debit':
      return { kind, account: accountIn(body, 'account'), amount: amountIn(body) }
  }
}

const isAbsent = (value: unknown): boolean => value === undefined || value === null

function accountIn(body: JsonObject, name: string): string {
  const value = body[name]
  if (typeof value === 'string' && ACCOUNT_NAME.test(value)) return value
  throw invalidRequest(
    `'${name}' must be the name of an account: 1 to 64 letters, digits or ._@+-.`,
    name,
  )
}

const REQUEST_ID = /^[A-Za-z0-9_-]{1,64}$/

function requestIn({ request }: JsonObject): string {
  if (typeof request === 'string' && REQUEST_ID.test(request)) return request
  throw invalidRequest(
    "'request' must be a request id, such as req_0123456789ab1000000000.",
    'request',
  )
}

const FORM =
  'a decimal string with at most six places, or a whole number, of at most 9000000000000 credits'

function amountIn({ amount: value }: JsonObject): MicroCredits {
  const amount = parseCredits(value)
  if (amount !== undefined && amount > 0n) return amount
  throw invalidRequest(`'amount' must be above zero: ${FORM}.`, 'amount')
}

function signedAmountIn({ amount: value }: JsonObject): MicroCredits {
  const amount = parseSignedCredits(value)
  if (amount !== undefined && amount !== 0n) return amount
  throw invalidRequest(
    `'amount' must not be zero: ${FORM}, with a minus in front where credit is taken.`,
    'amount',
  )
}

const REASON_CHARS_MAX = 500
/** Line breaks and other control characters, halves of characters, and marks that turn the reading direction. */
const UNREADABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

function reasonIn({ reason }: JsonObject): string {
  if (isAbsent(reason)) return ''
  if (typeof reason !== 'string') throw invalidRequest("'reason' must be a string.", 'reason')
  if (reason.length > REASON_CHARS_MAX || UNREADABLE.test(reason)) {
    throw invalidRequest(
      `'reason' must be one line of at most ${REASON_CHARS_MAX} characters, without control characters.`,
      'reason',
    )
  }
  return reason.trim()
}

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
