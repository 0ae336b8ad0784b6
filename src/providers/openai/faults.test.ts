import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Fault } from '../../domain/fault.ts'
import {
  faultFromError,
  faultFromNetwork,
  faultFromStatus as rawFault,
  tellable,
} from './faults.ts'

/** As it leaves a call whose key nobody said back. */
const faultFromStatus = (...args: Parameters<typeof rawFault>): Fault =>
  tellable(rawFault(...args), '')

const errorBody = (error: object): string => JSON.stringify({ error })

describe('a refusal by status', () => {
  test('of the caller’s own request is passed on in the provider’s words', () => {
    const error = {
      message: 'Invalid schema for function f',
      type: 'invalid_request_error',
      param: 'tools[0].function.parameters',
      code: 'invalid_function_parameters',
    }
    expect(faultFromStatus(400, errorBody(error), undefined)).toMatchObject({
      kind: 'refused',
      status: 400,
      refusal: error,
    })
  })

  test.each([401, 402, 403, 404, 408, 429, 500, 503, 529, 302])(
    '%i is the operator’s problem, and no word of it is for the caller',
    (status) => {
      const fault = faultFromStatus(
        status,
        errorBody({ message: 'Account org-1 is empty' }),
        undefined,
      )
      expect(fault.refusal).toBeUndefined()
      expect(fault.detail).toContain('Account org-1')
    },
  )

  test.each([
    ['a key', 'Incorrect key sk-proj-Ab12Cd34Ef56', 'Ab12Cd34Ef56'],
    ['a key of old', 'Incorrect key sk-Ab12Cd34Ef56', 'Ab12Cd34Ef56'],
    ['an organisation', 'No access for org-Ab12Cd34Ef56.', 'Ab12Cd34Ef56'],
    ['a project', 'Project proj_Ab12Cd34Ef56 has no model', 'Ab12Cd34Ef56'],
    ['an account', 'Of acct_1Ab12Cd34', '1Ab12Cd34'],
    ['a gateway key', 'Key tg-Ab12Cd34Ef56 ', 'Ab12Cd34Ef56'],
    ['an address', 'Ask https://models.internal:8443/v1/chat?key=7 ', 'models.internal'],
    ['a plain address', 'Ask HTTP://10.0.0.7/x'.toLowerCase(), '10.0.0.7'],
  ])('never shows %s', (_what, message, secret) => {
    const fault = faultFromStatus(400, errorBody({ message }), undefined)
    expect(fault.refusal?.message).not.toContain(secret)
    expect(fault.refusal?.message).toContain(message.split(' ')[0])
  })

  test.each([
    "This model's maximum context length is 65536 tokens. However, you requested 66343 tokens.",
    "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
    'the request exceeds the available context size, try increasing it',
    'Your input exceeds the context window of this model.',
    'The prompt is too long: 140000, model maximum context length: 131071',
    'Input tokens exceed the configured limit of 272000 tokens.',
  ])('because of its length has the code that agents know, whatever it was: %s', (message) => {
    for (const code of ['invalid_request_error', 400, null, 'context_length_exceeded']) {
      const fault = faultFromStatus(400, errorBody({ message, code }), undefined)
      expect(fault.refusal).toMatchObject({ message, code: 'context_length_exceeded' })
    }
  })

  test.each([
    'max_tokens is too large: 100000. This model supports at most 16384 completion tokens.',
    "Invalid 'user': string too long. Expected a string with maximum length 64.",
  ])('because of the length of something else keeps its code: %s', (message) => {
    const fault = faultFromStatus(400, errorBody({ message, code: 'invalid_value' }), undefined)
    expect(fault.refusal?.code).toBe('invalid_value')
  })

  test.each([['<html>Bad request at 10.0.0.7</html>'], [''], ['{"error":"no"}'], ['[]'], ['{}']])(
    'with nothing for the caller in it gets words of our own: %s',
    (body) => {
      expect(faultFromStatus(400, body, undefined).refusal).toEqual({
        message: expect.stringMatching(/^The provider refused the request\./) as string,
        type: 'invalid_request_error',
        param: null,
        code: null,
      })
    },
  )

  test('in FastAPI’s shape, without an error member, is understood', () => {
    const body = JSON.stringify({ object: 'error', message: 'too long', type: 'BadRequestError' })
    expect(faultFromStatus(400, body, undefined).refusal?.message).toBe('too long')
  })

  test('shows at most 2000 characters', () => {
    const fault = faultFromStatus(400, errorBody({ message: 'x '.repeat(9_000) }), undefined)
    expect(fault.refusal?.message).toHaveLength(2_000)
  })

  test.each([400, 401, 422, 500])(
    'that says the key back is told without it, whatever it looks like: %d',
    (status) => {
      const key = 'otter.walks/by.the.river'
      const escaped = JSON.stringify(key).slice(1, -1).replaceAll('/', '\\/')
      const word = `${'x'.repeat(190)} ${escaped}`
      const said = `{"error":{"message":"${word}","type":"${word}","param":"${word}","code":"${word}"}}`
      const fault = rawFault(status, said, undefined)
      expect(JSON.stringify(fault)).toContain(key)
      const told = JSON.stringify(tellable(fault, key))
      expect(told).toContain('[redacted]')
      expect(told).not.toContain('otter')
    },
  )
})

describe('retry-after', () => {
  afterEach(() => vi.useRealTimers())
  const after = (header: string | undefined) => faultFromStatus(429, '', header).retryAfterMs

  test('comes in seconds', () => {
    expect(after('7')).toBe(7_000)
    expect(after('0.5')).toBe(500)
  })

  test('comes as a date', () => {
    vi.useFakeTimers({ now: Date.parse('2026-01-01T00:00:00Z') })
    expect(after('Thu, 01 Jan 2026 00:00:30 GMT')).toBe(30_000)
    expect(after('Wed, 31 Dec 2025 00:00:30 GMT')).toBeUndefined()
  })

  test.each([undefined, '', '0', '0.0', '-5', 'soon', 'Infinity', '-'])(
    '%j says nothing',
    (header) => {
      expect(after(header)).toBeUndefined()
    },
  )
})

describe('an error inside an answer', () => {
  test.each([
    [{ code: 429, message: 'slow' }, 'rate_limited'],
    [{ code: 502 }, 'server'],
    [{ code: 401 }, 'credential'],
    [{ code: 'server_error' }, 'server'],
    [{ code: 200 }, 'server'],
    [{}, 'server'],
    ['overloaded', 'server'],
  ] as const)('%j is %s', (error, kind) => {
    expect(faultFromError(error).kind).toBe(kind)
    expect(faultFromError(error).refusal).toBeUndefined()
  })

  test('with a status of the caller’s own is a refusal without the provider’s inside', () => {
    const fault = tellable(faultFromError({ code: 400, message: 'Bad, see https://a.b/c' }), '')
    expect(fault).toMatchObject({ kind: 'refused', refusal: { message: 'Bad, see [address]' } })
  })
})

test('network trouble before an answer is no connection, after it a broken answer', () => {
  const error = Object.assign(new Error('read'), { code: 'ECONNRESET' })
  expect(faultFromNetwork(error, false)).toEqual({ kind: 'connect', detail: 'ECONNRESET: read' })
  expect(faultFromNetwork(error, true).kind).toBe('broken')
})

test.each([
  ['at 10.0.0.5:8000', 'at [address]'],
  ['res.openai.azure.com failed', '[address] failed'],
  ['key AIzaSyD-1234567890abcdefghij', 'key [redacted]'],
  ['sent Bearer eyJhbGci.x.y', 'sent [redacted]'],
  ['a user-provided field: key_features', 'a user-provided field: key_features'],
])('of “%s” a caller is told “%s”', (message, told) => {
  const fault = faultFromStatus(400, JSON.stringify({ error: { message } }), undefined)
  expect(fault.refusal?.message).toBe(told)
})
