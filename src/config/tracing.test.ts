import { expect, test } from 'vitest'
import type { Problem } from './config.ts'
import { readTracing } from './tracing.ts'

function read(env: Readonly<Record<string, string>>) {
  const problems: Problem[] = []
  const get = (name: string): string | undefined => env[name]
  const tracing = readTracing({
    variables: { plain: get, secret: get },
    report: (problem) => problems.push(problem),
  })
  return { ...tracing, wrong: problems.map(({ path }) => path) }
}

const AT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.internal:4318/' }

test('without an address there are no traces, whatever else is set', () => {
  expect(read({ OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER_ARG: 'all' })).toEqual({
    ...{ tracing: undefined, headers: {}, wrong: [] },
  })
})

test('an address is enough', () => {
  expect(read(AT)).toEqual({
    tracing: { endpoint: 'https://collector.internal:4318', serviceName: 'tollgate', ratio: 1 },
    ...{ headers: {}, wrong: [] },
  })
})

test('headers are pairs, with what is special in them percent-encoded', () => {
  const text = 'Authorization=Basic%20YWRhOng=, x-scope = a%2Cb'
  expect(read({ ...AT, OTEL_EXPORTER_OTLP_HEADERS: text })).toMatchObject({
    headers: { authorization: 'Basic YWRhOng=', 'x-scope': 'a,b' },
    wrong: [],
  })
})

test.each([
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'https://ada:secret@collector:4318'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a=%'],
  ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
  ['OTEL_TRACES_SAMPLER_ARG', 'half'],
])('%s=%s is an error that says so', (name, value) => {
  expect(read({ ...AT, [name]: value }).wrong).toEqual([name])
})
