import { expect, test } from 'vitest'
import { createHash } from 'node:crypto'
import { scrubbed, scrubbedText } from './redact.ts'

test.each([
  ['a key of ours', 'the key tg-0123456789abcdefghij was used', 'the key [redacted] was used'],
  [
    'a provider key',
    'Incorrect API key provided: sk-proj-abc_DEF123456.',
    'Incorrect API key provided: [redacted].',
  ],
  ['a bearer token', 'authorization: Bearer abc.def', 'authorization: Bearer [redacted]'],
  ['credentials in an address', 'https://me:pass@host/v1', 'https://[redacted]@host/v1'],
  ['a key behind a line end', 'first\nsk-0123456789abcdef', 'first\n[redacted]'],
])('%s is taken out of a text', (_, text, clean) => {
  expect(scrubbedText(text)).toBe(clean)
})

test.each(['hex', 'base64', 'base64url'] as const)(
  'random secrets in %s are taken out',
  (encoding) => {
    for (let round = 0; round < 200; round++) {
      const secret = createHash('sha256').update(String(round)).digest(encoding)
      expect(scrubbedText(`it said ${secret} and no more`)).not.toContain(secret.slice(4, 28))
    }
  },
)

test.each([
  'req_k3Jd9aQz0m8f000001',
  'key_sk-a1B2c3D4e',
  'acc_tg-A1b2C3d4E',
  'key_a-sk-b2C3d4E',
  'p_9f86d081884c',
  'tg-Ab…wxyz',
  'anthropic/claude-sonnet-4-5-20250929',
  'together/meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8',
  'deepinfra/Qwen/Qwen3-235B-A22B-Instruct-2507-fp8-throughput',
  'accounts/fireworks/models/llama-v3p1-405b-instruct',
  '2026-11-21T10:11:12.123Z',
  'at completeChat (file:///srv/tollgate2/node_modules/@koa/router/dist/node_modules/layer2.js:12:34)',
  'UnhandledPromiseRejectionWarningInTheInnermostFunction',
  'a risk-assessment of the desk-lamps on disk-0123456789',
])('%s is left as it is', (text) => {
  expect(scrubbedText(text)).toBe(text)
})

test('clean fields are the very same object: nothing is copied on the ordinary path', () => {
  const fields = { event: 'request', id: 'req_1', tokens: { input: 1 }, stream: true, none: null }
  expect(scrubbed(fields)).toBe(fields)
})

test('a value is masked by the name of its field, wherever it stands', () => {
  const fields = { headers: { authorization: 'x', Cookie: 'y', host: 'z' }, apiKey: 'w' }
  expect(scrubbed(fields)).toEqual({
    headers: { authorization: '[redacted]', Cookie: '[redacted]', host: 'z' },
    apiKey: '[redacted]',
  })
  expect(fields.apiKey).toBe('w')
})

test('secrets are found in lists, nested objects, errors and values that write themselves', () => {
  const secret = 'sk-0123456789abcdef'
  const text = JSON.stringify(
    scrubbed({
      list: [`one ${secret}`],
      nested: { deep: secret },
      error: new Error(`bad key ${secret}`),
      own: { toJSON: () => secret },
      bytes: Buffer.from(secret),
      amount: 12n,
    }),
  )
  expect(text).not.toContain(secret)
  expect(JSON.parse(text)).toMatchObject({ bytes: '[19 bytes]', amount: '12' })
})

test('an endless value is cut, and no secret survives on the cut', () => {
  const secret = 'aB3dE6gH9'.repeat(8)
  for (let before = 1960; before < 2060; before++) {
    const clean = scrubbedText(`${'x '.repeat(before / 2)}${secret} end ${'y '.repeat(5000)}`)
    expect(clean.length).toBeLessThan(2120)
    expect(clean).not.toContain(secret.slice(0, 8))
  }
})

test('endless lists, deep and circular objects come to an end', () => {
  const circle: Record<string, unknown> = {
    many: Array.from({ length: 1000 }, (_, index) => index),
  }
  circle['self'] = circle
  expect(JSON.stringify(scrubbed(circle)).length).toBeLessThan(10_000)
})
