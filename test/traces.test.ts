import { afterAll, beforeAll, expect, test } from 'vitest'
import { startFaultProvider, type FaultProvider } from './fault-provider/fault-provider.ts'
import { startGateway, type GatewayProcess } from './support/gateway-process.ts'
import { clientOf, configFor, MESSAGES, type Client } from './support/house.ts'
import { ofKind, untilLogged } from './support/journal.ts'
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from './support/otlp-receiver.ts'

const CALLER = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' }
const SECRETS = ['Say some words', 'upstream-secret-1', 'collector-secret', 'word']
const MODELS = {
  failing: ['answer?status=500', 'answer?chunks=3'],
  cut: ['answer?chunks=6&cut=2'],
  plain: ['answer?chunks=2'],
}

let upstream: FaultProvider
let collector: OtlpReceiver
let gateway: GatewayProcess
let client: Client
beforeAll(async () => {
  upstream = await startFaultProvider()
  collector = await startOtlpReceiver()
  gateway = await startGateway({
    config: configFor(upstream.baseUrl, MODELS),
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=collector-secret%3D',
      OTEL_SERVICE_NAME: 'gateway-7',
    },
  })
  const { key } = await gateway.user('ada', '100000')
  client = clientOf(gateway.url, 'ada', key)
})
afterAll(async () => {
  await gateway.close()
  await collector.close()
  await upstream.close()
})

const call = (model: string, flags: string | undefined) =>
  client.openai.chat.completions
    .create(
      { model, messages: MESSAGES, stream: true },
      {
        headers:
          flags === undefined
            ? {}
            : { traceparent: `00-${CALLER.traceId}-${CALLER.spanId}-${flags}` },
      },
    )
    .then(async (stream) => {
      for await (const chunk of stream) expect(chunk).toBeDefined()
    })

const named = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan => {
  const span = spans.find((one) => one.name === name)
  if (span === undefined) throw new Error(`no span ${name}`)
  return span
}

test('a request and each of its attempts are spans of the trace that its caller began', async () => {
  await call('failing', '01')
  const spans = await collector.spans(3)
  const request = named(spans, 'POST /v1/chat/completions')
  const failed = named(spans, 'chat answer?status=500')
  const answered = named(spans, 'chat answer?chunks=3')
  expect(spans).toHaveLength(3)
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([CALLER.traceId]))
  expect(request).toMatchObject({ parentSpanId: CALLER.spanId, kind: 2 })
  for (const attempt of [failed, answered]) {
    expect(attempt).toMatchObject({ parentSpanId: request.spanId, kind: 3 })
    expect(BigInt(attempt.startTimeUnixNano)).toBeGreaterThanOrEqual(
      BigInt(request.startTimeUnixNano),
    )
    expect(BigInt(attempt.endTimeUnixNano)).toBeLessThanOrEqual(BigInt(request.endTimeUnixNano))
  }
  expect(failed.status?.code).toBe(2)
  expect(failed.attributes['error.type']).toBe('server')
  expect(answered.status).toBeUndefined()
  const settle = ofKind(gateway.dir, 'settle')[0]
  const { input, output } = settle?.['usage'] as { input: number; output: number }
  expect(request.attributes).toMatchObject({
    'http.response.status_code': 200,
    'gen_ai.request.model': 'failing',
    'gen_ai.usage.input_tokens': input,
    'gen_ai.usage.output_tokens': output,
    'tollgate.request_id': settle?.ref,
    'tollgate.charged_microcredits': Number(settle?.['amount']),
  })
  const told = upstream.journal.map(({ traceparent }) => traceparent)
  expect(told).toEqual([failed, answered].map(({ spanId }) => `00-${CALLER.traceId}-${spanId}-01`))
})

test('a stream that breaks off is an error, and a trace begins here where no caller began one', async () => {
  await expect(call('cut', undefined)).rejects.toThrow()
  const spans = (await collector.spans(5)).slice(3)
  const request = named(spans, 'POST /v1/chat/completions')
  expect(request.traceId).not.toBe(CALLER.traceId)
  expect(request.parentSpanId).toBeUndefined()
  expect(request.attributes).toMatchObject({ 'tollgate.outcome': 'cut', 'error.type': 'cut' })
})

test('what a caller does not sample is not followed, and not told to providers', async () => {
  await call('plain', '00')
  expect(upstream.journal.at(-1)).toMatchObject({
    model: 'answer?chunks=2',
    traceparent: undefined,
  })
})

test('the collector gets its headers, and never a prompt, an answer or a key', async () => {
  expect(collector.headers()).toMatchObject({ 'x-collector-key': 'collector-secret=' })
  expect(collector.service()).toBe('gateway-7')
  for (const secret of [...SECRETS, client.key]) expect(collector.text()).not.toContain(secret)
  await Promise.resolve()
})

test('what still waits is sent at the end, and a collector that is away is told of once', async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }
  const lonely = await startGateway({ config: configFor(upstream.baseUrl, MODELS), env })
  try {
    const { key } = await lonely.user('ada', '100000')
    const { openai } = clientOf(lonely.url, 'ada', key)
    const { choices } = await openai.chat.completions.create({ model: 'plain', messages: MESSAGES })
    expect(choices).toHaveLength(1)
    expect(await lonely.stop()).toBe(0)
    const line = await untilLogged(lonely.output, 'traces do not reach')
    expect(line).toContain('"level":"warn"')
  } finally {
    await lonely.close()
  }
})
