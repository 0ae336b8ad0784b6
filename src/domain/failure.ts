/** Every way in which a caller can be refused. `http/error-responses.ts` has the one table of statuses for them. */
export type FailureCode =
  | 'invalid_request'
  | 'invalid_cursor'
  | 'request_timeout'
  | 'body_too_large'
  | 'unsupported_media_type'
  | 'not_found'
  | 'method_not_allowed'
  | 'idempotency_conflict'
  | 'invalid_api_key'
  | 'key_not_allowed'
  | 'model_not_found'
  | 'insufficient_quota'
  | 'credit_held'
  | 'rate_limit_exceeded'
  | 'context_length_exceeded'
  | 'model_unpriced'
  | 'upstream_rejected'
  | 'upstream_unavailable'
  | 'upstream_error'
  | 'upstream_timeout'
  | 'overloaded'
  | 'store_unavailable'
  | 'internal_error'

/** What an account or a key has no more of, for operators who want to hear of it. */
export type Short = Readonly<
  | { of: 'credit' }
  | {
      of: 'spending'
      kind: 'account' | 'key' | 'model'
      /** The account, the key or the model. */
      subject: string
      period: 'day' | 'week' | 'month'
      /** `spend_per_day`, and how many credits that is. */
      limit: string
      amount: string
      endsInMs: number
    }
>

export type FailureDetails = Readonly<{
  /** The field of the request that is wrong. */
  param?: string
  retryAfterMs?: number
  /** Of the places that are all taken. */
  places?: number
  /** How many requests an address may make, or how many with a wrong key, where that is what stands in the way. */
  addressLimit?: number
  /** Never told to the caller. */
  short?: Short
  /** A provider's own refusal of the caller's request, passed on with its status and words. */
  upstream?: Readonly<{ status: number; type: string; code: string | null }>
  cause?: unknown
}>

/** A refusal that the caller is told about. The message says what to do next, and names nothing of the inside. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: FailureCode
  readonly details: FailureDetails

  constructor(code: FailureCode, message: string, details: FailureDetails = {}) {
    super(message, { cause: details.cause })
    this.code = code
    this.details = details
  }
}

/** One answer for all that is wrong with a credential: missing, malformed, unknown, revoked, expired. */
export const invalidKey = (): Failure =>
  new Failure(
    'invalid_api_key',
    'Invalid API key. Send a valid key as "Authorization: Bearer <key>"; the operator of this gateway issues keys.',
  )

export const accountDisabled = (): Failure =>
  new Failure(
    'key_not_allowed',
    'This account is disabled. Ask the operator of this gateway to enable it.',
  )

export const invalidRequest = (message: string, param?: string): Failure =>
  new Failure('invalid_request', message, param === undefined ? {} : { param })
