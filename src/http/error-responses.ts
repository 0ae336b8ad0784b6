import type { Failure, FailureCode, FailureDetails } from '../domain/failure.ts'
import type { Standing } from '../ports/limiter.ts'

type Row = Readonly<{ status: number; type: string; retry: boolean }>

/** The one table from code to status, type and retry advice. */
export const RESPONSES = {
  invalid_request: { status: 400, type: 'invalid_request_error', retry: false },
  invalid_cursor: { status: 400, type: 'invalid_request_error', retry: false },
  request_timeout: { status: 408, type: 'invalid_request_error', retry: true },
  body_too_large: { status: 413, type: 'invalid_request_error', retry: false },
  unsupported_media_type: { status: 415, type: 'invalid_request_error', retry: false },
  not_found: { status: 404, type: 'invalid_request_error', retry: false },
  method_not_allowed: { status: 405, type: 'invalid_request_error', retry: false },
  idempotency_conflict: { status: 409, type: 'invalid_request_error', retry: false },
  invalid_api_key: { status: 401, type: 'authentication_error', retry: false },
  key_not_allowed: { status: 403, type: 'permission_error', retry: false },
  model_not_found: { status: 404, type: 'invalid_request_error', retry: false },
  insufficient_quota: { status: 402, type: 'insufficient_quota', retry: false },
  credit_held: { status: 429, type: 'rate_limit_error', retry: true },
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error', retry: true },
  context_length_exceeded: { status: 400, type: 'invalid_request_error', retry: false },
  model_unpriced: { status: 503, type: 'api_error', retry: false },
  upstream_rejected: { status: 400, type: 'invalid_request_error', retry: false },
  upstream_unavailable: { status: 503, type: 'api_error', retry: true },
  upstream_error: { status: 502, type: 'api_error', retry: true },
  upstream_timeout: { status: 504, type: 'api_error', retry: true },
  overloaded: { status: 503, type: 'api_error', retry: true },
  store_unavailable: { status: 503, type: 'api_error', retry: true },
  internal_error: { status: 500, type: 'api_error', retry: true },
} as const satisfies Record<FailureCode, Row>

export type ErrorResponse = Readonly<{
  status: number
  headers: Readonly<Record<string, string>>
  body: ErrorBody
}>

export type ErrorBody = Readonly<{
  error: { message: string; type: string; param: string | null; code: string | null }
}>

/** The SDKs take no longer ones, and are told not to come back by themselves. */
const RETRY_AFTER_MAX_MS = 60_000
/** A limit a minute forgets a little late: who comes after sixty seconds is told at worst to wait that much longer. */
const LATE_MS_MAX = 250

export function errorResponse(failure: Failure, quotaStatus: number): ErrorResponse {
  const row: Row = RESPONSES[failure.code]
  const { upstream, places, retryAfterMs: waitMs = NaN } = failure.details
  const status =
    failure.code === 'insufficient_quota' ? quotaStatus : (upstream?.status ?? row.status)
  return {
    status,
    headers: {
      'x-should-retry': String(row.retry && !(waitMs > RETRY_AFTER_MAX_MS + LATE_MS_MAX)),
      ...retryHeaders(waitMs),
      ...placesHeaders(places),
    },
    body: {
      error: {
        message: failure.message,
        type: upstream?.type ?? row.type,
        param: failure.details.param ?? null,
        code: upstream === undefined ? failure.code : upstream.code,
      },
    },
  }
}

/** None where nobody knows when to come back, or where it would be of no use. */
function retryHeaders(retryAfterMs: number): Record<string, string> {
  if (!Number.isFinite(retryAfterMs)) return {}
  const ms = Math.min(Math.ceil(retryAfterMs), RETRY_AFTER_MAX_MS)
  return { 'retry-after': String(Math.ceil(ms / 1_000)), 'retry-after-ms': String(ms) }
}

/** As other limits say it: an address has no account whose headers would. */
export const addressHeaders = (
  { addressLimit: limit, retryAfterMs: resetMs = 0 }: FailureDetails,
  nowMs: number,
): Record<string, string> =>
  limit === undefined ? {} : standingHeaders({ limit, left: 0, resetMs }, nowMs)

export const standingHeaders = (
  { limit, left, resetMs }: Standing,
  nowMs: number,
): Record<string, string> => ({
  'x-ratelimit-limit': String(limit),
  'x-ratelimit-remaining': String(left),
  'x-ratelimit-reset': String(Math.ceil((nowMs + resetMs) / 1_000)),
})

/** Without a reset: a place is free when somebody leaves. */
const placesHeaders = (places: number | undefined): Record<string, string> =>
  places === undefined ? {} : { 'x-ratelimit-limit': String(places), 'x-ratelimit-remaining': '0' }

/** On the gateway's own routes the error also comes in the shape of its predecessors. */
export const gatewayBody = ({ error }: ErrorBody, nowMs: number) => ({
  detail: error.message,
  type: error.type,
  timestamp: new Date(nowMs).toISOString(),
  error,
})
