import { describe, expect, test } from 'vitest'
import { Failure, type FailureCode } from '../domain/failure.ts'
import { errorResponse, gatewayBody, RESPONSES } from './error-responses.ts'

/** The table of WIRE, written down a second time: what SDKs decide by. */
const WIRE: Readonly<Record<FailureCode, readonly [status: number, retry: boolean]>> = {
  invalid_request: [400, false],
  invalid_cursor: [400, false],
  request_timeout: [408, true],
  body_too_large: [413, false],
  unsupported_media_type: [415, false],
  not_found: [404, false],
  method_not_allowed: [405, false],
  idempotency_conflict: [409, false],
  invalid_api_key: [401, false],
  key_not_allowed: [403, false],
  model_not_found: [404, false],
  insufficient_quota: [402, false],
  credit_held: [429, true],
  rate_limit_exceeded: [429, true],
  context_length_exceeded: [400, false],
  model_unpriced: [503, false],
  upstream_rejected: [400, false],
  upstream_unavailable: [503, true],
  upstream_error: [502, true],
  upstream_timeout: [504, true],
  overloaded: [503, true],
  store_unavailable: [503, true],
  internal_error: [500, true],
}
const codes = Object.keys(WIRE) as FailureCode[]
const respond = (failure: Failure) => errorResponse(failure, 402)

describe('a refusal', () => {
  test.each(codes)('%s has its status, its retry advice and the four fields', (code) => {
    const [status, retry] = WIRE[code]
    const response = respond(new Failure(code, 'Do this.'))
    expect(response.status).toBe(status)
    expect(response.headers).toEqual({ 'x-should-retry': String(retry) })
    const type = expect.stringMatching(/./) as string
    expect(response.body).toEqual({ error: { message: 'Do this.', type, param: null, code } })
  })

  test('each code has one row, and each row its code', () => {
    expect(Object.keys(RESPONSES).toSorted()).toEqual(codes.toSorted())
  })

  test('a field that is wrong is named', () => {
    const failure = new Failure('invalid_request', 'No.', { param: 'n' })
    expect(respond(failure).body.error).toMatchObject({ param: 'n', type: 'invalid_request_error' })
  })

  test('used-up credit may answer 429, as OpenAI does, and still is not to be retried', () => {
    const { status, headers } = errorResponse(new Failure('insufficient_quota', 'No.'), 429)
    expect({ status, headers }).toEqual({ status: 429, headers: { 'x-should-retry': 'false' } })
    expect(errorResponse(new Failure('credit_held', 'No.'), 402).status).toBe(429)
  })

  test('a provider’s own refusal keeps its status, type and code', () => {
    const upstream = { status: 422, type: 'bad_schema', code: null }
    const { status, headers, body } = respond(new Failure('upstream_rejected', 'No.', { upstream }))
    expect(status).toBe(422)
    expect(headers['x-should-retry']).toBe('false')
    expect(body.error).toEqual({ message: 'No.', type: 'bad_schema', param: null, code: null })
  })
})

describe('retry-after', () => {
  const after = (retryAfterMs: number) =>
    respond(new Failure('overloaded', 'No.', { retryAfterMs })).headers

  test.each([
    [1_500, '2', '1500'],
    [1, '1', '1'],
    [0.2, '1', '1'],
    [0, '0', '0'],
    [60_000, '60', '60000'],
    [60_001, '60', '60000'],
    [86_400_000, '60', '60000'],
  ])('of %i ms is never sooner than the truth, and at most a minute', (ms, seconds, exact) => {
    expect(after(ms)).toMatchObject({ 'retry-after': seconds, 'retry-after-ms': exact })
  })
})

test('who may make so many requests a minute is told to come back, and who may a day is not', () => {
  const told = (retryAfterMs: number) =>
    respond(new Failure('rate_limit_exceeded', 'No.', { retryAfterMs })).headers['x-should-retry']
  expect([1_000, 60_000, 60_250, 60_251, 86_400_000].map(told)).toEqual([
    ...['true', 'true', 'true', 'false', 'false'],
  ])
})

test('the gateway’s own routes add the shape of their predecessors', () => {
  const { body } = respond(new Failure('not_found', 'Nothing here.'))
  expect(gatewayBody(body, Date.parse('2026-01-02T03:04:05Z'))).toEqual({
    detail: 'Nothing here.',
    type: 'invalid_request_error',
    timestamp: '2026-01-02T03:04:05.000Z',
    error: body.error,
  })
})
