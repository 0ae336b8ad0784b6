import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { vi } from 'vitest'

export type ReceivedSpan = Readonly<{
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  status?: Readonly<{ code: number }>
  attributes: Readonly<Record<string, string | number>>
}>

type Value = Readonly<{ stringValue?: string; intValue?: string; doubleValue?: number }>
type Listed = readonly Readonly<{ key: string; value: Value }>[]
type Sent = Readonly<{
  resourceSpans: readonly Readonly<{
    resource: Readonly<{ attributes: Listed }>
    scopeSpans: readonly Readonly<{
      spans: readonly Readonly<Omit<ReceivedSpan, 'attributes'> & { attributes: Listed }>[]
    }>[]
  }>[]
}>

export type OtlpReceiver = Readonly<{
  url: string
  /** All bodies, as they came. */
  text: () => string
  headers: () => http.IncomingHttpHeaders | undefined
  service: () => string | number | undefined
  /** All spans, once there are so many. */
  spans: (count: number) => Promise<readonly ReceivedSpan[]>
  close: () => Promise<void>
}>

/** A collector of traces by OTLP over HTTP, in its JSON form. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const bodies: string[] = []
  let headers: http.IncomingHttpHeaders | undefined
  const server = http.createServer((req, res) => {
    headers = req.headers
    let body = ''
    req.on('data', (bytes: Buffer) => (body += bytes.toString()))
    req.on('end', () => {
      const isTraces = req.url === '/v1/traces' && req.method === 'POST'
      if (isTraces) bodies.push(body)
      res.writeHead(isTraces ? 200 : 404, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const sent = () => bodies.flatMap((body) => (JSON.parse(body) as Sent).resourceSpans)
  const received = (): ReceivedSpan[] =>
    sent()
      .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
      .map((span) => ({ ...span, attributes: pairsOf(span.attributes) }))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    text: () => bodies.join('\n'),
    headers: () => headers,
    service: () => pairsOf(sent()[0]?.resource.attributes ?? [])['service.name'],
    async spans(count) {
      await vi.waitUntil(() => received().length >= count, { timeout: 20_000 })
      return received()
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

const pairsOf = (list: Listed): Record<string, string | number> =>
  Object.fromEntries(
    list.map(({ key, value: { stringValue, intValue, doubleValue } }) => [
      key,
      stringValue ?? (intValue === undefined ? doubleValue : Number(intValue)) ?? '',
    ]),
  )
