import { expect, test } from 'vitest'
import type { AttemptRecord } from '../domain/entry.ts'
import { micro } from '../domain/money.ts'
import { BUCKETS, NO_USAGE, textUsage } from '../domain/usage.ts'
import type { RequestEnded } from '../ports/events.ts'
import { logEvents } from './events.ts'
import { lineText, readyText } from './log-text.ts'
import type { Events } from '../ports/events.ts'

/** The lines as they would be written for what `tell` tells. */
function linesOf(tell: (events: Events) => void): Record<string, unknown>[] {
  const lines: string[] = []
  const done = (): Promise<void> => Promise.resolve()
  tell(
    logEvents({
      write: (level, fields) => void lines.push(lineText({ timeMs: 0, level, fields })),
      writeReady: (level, members) => void lines.push(readyText(0, level, members)),
      setLevel: () => undefined,
      lost: () => 0,
      flush: done,
      close: done,
    }),
  )
  return lines
    .flatMap((line) => line.split('\n'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

const answered: AttemptRecord = { deployment: 'openrouter/openai/gpt-4o', ms: 812 }
const ended: RequestEnded = {
  requestId: 'req_1',
  account: 'acc_1',
  key: 'key_1',
  model: 'gpt-4o',
  answeringModel: 'gpt-4o',
  deployment: answered.deployment,
  attempts: [answered],
  outcome: 'finished',
  usage: textUsage(12, 34),
  isEstimated: false,
  isStream: true,
  cost: micro(1_500_000n),
  charged: micro(1_500_000n),
  firstByteMs: 312.34567,
  totalMs: 812.999,
}

test('a request is one line that says who, what, how much and how long', () => {
  expect(linesOf((events) => events.requestEnded(ended))).toEqual([
    {
      time: '1970-01-01T00:00:00.000Z',
      level: 'info',
      event: 'request',
      id: 'req_1',
      account: 'acc_1',
      key: 'key_1',
      model: 'gpt-4o',
      deployment: 'openrouter/openai/gpt-4o',
      attempts: 1,
      outcome: 'finished',
      tokens: { input: 12, output: 34 },
      estimated: false,
      stream: true,
      cost: '1.5',
      charged: '1.5',
      first_byte_ms: 312.35,
      total_ms: 813,
    },
  ])
})

test('failed attempts and the rarer buckets are named where there are any', () => {
  const attempts = [{ deployment: 'openai/gpt-4o', fault: 'server', status: 503, ms: 3 }, answered]
  const usage = { ...NO_USAGE, input: 1, output: 2, cachedInput: 3, audioOutput: 4 }
  const [line] = linesOf((events) => events.requestEnded({ ...ended, attempts, usage }))
  expect(line).toMatchObject({
    attempts: 2,
    faults: ['openai/gpt-4o: server 503'],
    tokens: { input: 1, output: 2, cached_input: 3, audio_output: 4 },
  })
})

test('each of the rarer buckets is named where it is the only one', () => {
  const rarer = BUCKETS.filter((bucket) => bucket !== 'input' && bucket !== 'output')
  for (const bucket of rarer) {
    const usage = { ...NO_USAGE, input: 1, output: 2, [bucket]: 3 }
    const [line] = linesOf((events) => events.requestEnded({ ...ended, usage }))
    expect(Object.values(line?.['tokens'] as Record<string, number>)).toEqual([1, 2, 3])
  }
})

test('a request that nobody answered has no deployment, tokens or first byte', () => {
  const nothing = { deployment: undefined, usage: undefined, firstByteMs: undefined }
  const [line] = linesOf((events) =>
    events.requestEnded({ ...ended, ...nothing, outcome: 'failed' }),
  )
  for (const name of ['deployment', 'tokens', 'first_byte_ms'])
    expect(line).not.toHaveProperty(name)
})

test('a failed authentication is a warning that says unauthorized', () => {
  const refused = { requestId: 'req_1', code: 'invalid_api_key', message: 'No such key.' } as const
  const [line] = linesOf((events) => events.requestRefused(refused))
  expect(line).toMatchObject({ level: 'warn', event: 'refused', code: 'invalid_api_key' })
  expect(line?.['message']).toContain('unauthorized')
})

test('a key outside its rights is a warning that says forbidden', () => {
  const refused = { requestId: 'req_1', code: 'key_not_allowed', message: 'Not this.' } as const
  const [line] = linesOf((events) => events.requestRefused(refused))
  expect(line?.['level']).toBe('warn')
  expect(line?.['message']).toContain('forbidden')
})

test('the cause of a refusal is named where it is ours, not where it may quote the caller', () => {
  const of = (code: 'invalid_request' | 'store_unavailable', cause: Error): unknown =>
    linesOf((events) => events.requestRefused({ requestId: 'r', code, message: 'm', cause }))[0]?.[
      'cause'
    ]
  expect(of('invalid_request', new TypeError('my secret diary'))).toBe('TypeError')
  expect(of('store_unavailable', new Error('disk full'))).toBe('Error: disk full')
})

test('a bug is logged whole: its stack and that of its cause', () => {
  const error = new Error('outer', { cause: new TypeError('inner') })
  const [line] = linesOf((events) => events.bug({ where: 'settle', requestId: 'req_1', error }))
  expect(line).toMatchObject({ level: 'error', event: 'bug', where: 'settle', id: 'req_1' })
  const stack = (line?.['stack'] as string[]).join('\n')
  expect(stack).toContain('Error: outer\nat ')
  expect(stack).toContain('caused by TypeError: inner\nat ')
  expect(stack).toContain('events.test.ts')
})

test('a bug that quotes a body it could not parse is logged without the quote', () => {
  const failing = (text: string): unknown => {
    try {
      return JSON.parse(text)
    } catch (error) {
      return linesOf((events) => events.bug({ where: 'x', error }))
    }
  }
  for (const body of ['my secret diary', `{"content":"my secret" diary${' '.repeat(99)}`]) {
    expect(JSON.stringify(failing(body))).not.toContain('secret')
  }
})

test('anything thrown can be logged', () => {
  for (const error of [undefined, null, 'text', { a: 1 }, Object.create(null)]) {
    expect(linesOf((events) => events.bug({ where: 'x', error }))).toHaveLength(1)
  }
})

test('a failed attempt, a notice, a warning and a problem have their own lines and levels', () => {
  const attempt = { deployment: 'openai/gpt-4o', fault: 'timeout', ms: 5000 }
  const lines = linesOf((events) => {
    events.attemptFailed({ requestId: 'req_1', attempt, detail: 'no answer' })
    events.notice('ready', { port: 8088 })
    events.warning('slow')
    events.problem('broken', { event: 'not mine' })
  })
  expect(lines).toMatchObject([
    { level: 'warn', event: 'attempt_failed', id: 'req_1', fault: 'timeout', detail: 'no answer' },
    { level: 'info', event: 'notice', message: 'ready', port: 8088 },
    { level: 'warn', event: 'warning', message: 'slow' },
    { level: 'error', event: 'problem', message: 'broken' },
  ])
})

test('a name that a terminal would obey is escaped in the line of a request, and longer ones are whole', () => {
  const lines: string[] = []
  const write = (): undefined => undefined
  const log = {
    write,
    setLevel: write,
    lost: () => 0,
    flush: async () => {},
    close: async () => {},
  }
  const events = logEvents({
    ...log,
    writeReady: (level, members) => void lines.push(readyText(0, level, members)),
  })
  const names = ['a\u009b31m\u202e\u2066b', `"\\ü${'x'.repeat(500)}`]
  for (const model of [...names, ...names]) events.requestEnded({ ...ended, model })
  for (const line of lines) expect(line).toMatch(/^[^\p{Cc}\u202e\u2066]*$/u)
  expect(lines.map((line) => (JSON.parse(line) as RequestEnded).model)).toEqual([
    ...names,
    ...names,
  ])
})

test('no event lets a secret or an injected line through', () => {
  const canaries = ['tg-canary0123456789', 'sk-canary-0123456789', 'Bearer canaryToken0123']
  const evil = `${canaries.join(' ')}\r\n{"level":"error"}\u2028\u001b[2J`
  const attempt = { deployment: evil, fault: evil, ms: 1 }
  const lines = linesOf((events) => {
    events.requestEnded({ ...ended, model: evil, account: evil, attempts: [attempt] })
    events.requestRefused({ requestId: evil, code: 'model_not_found', message: evil, model: evil })
    events.requestRefused({
      requestId: 'r',
      code: 'overloaded',
      message: 'm',
      cause: new Error(evil),
    })
    events.attemptFailed({ requestId: 'r', attempt, detail: evil })
    events.bug({ where: evil, error: new Error(evil, { cause: evil }) })
    events.notice(evil, { fact: evil, facts: [evil, { deep: evil }] })
    events.warning(evil)
    events.problem(evil, { error: new Error(evil) })
  })
  expect(lines).toHaveLength(8)
  for (const canary of ['canary0', 'canary-0', 'canaryToken']) {
    expect(JSON.stringify(lines)).not.toContain(canary)
  }
})
