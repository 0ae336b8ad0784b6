import { randomBytes } from 'node:crypto'
import type { FaultKind } from '../../domain/fault.ts'
import type { Deployment } from '../../domain/model.ts'
import { INPUT_BUCKETS } from '../../domain/usage.ts'
import type { Events, RequestEnded } from '../../ports/events.ts'
import type { AttemptTrace, Traces } from '../../ports/traces.ts'
import type { Attributes } from './span.ts'
import { SpanExporter, type ExportSettings } from './span-exporter.ts'
import { parseTraceparent, traceparentOf, type TraceContext } from './trace-context.ts'

export type TraceSettings = ExportSettings &
  Readonly<{
    /** Of the traces that begin here, so many from 0 to 1 are followed. */
    ratio: number
  }>

export type OpenTraces = Readonly<{
  traces: Traces
  /** The same listener, with the requests' ends overheard. */
  listening: (events: Events) => Events
  stop: () => Promise<void>
}>

const ROUTE = '/v1/chat/completions'

/** A request that is followed: its own span, and what is said of it in the end. */
type Followed = Readonly<{
  context: TraceContext
  parentId: string | undefined
  startMs: number
}> & {
  ended: RequestEnded | undefined
}

/** Follows requests and attempts, and exports them. Neither prompts nor answers nor keys are ever in a span. */
export function openTraces(settings: TraceSettings, events: Events): OpenTraces {
  const exporter = new SpanExporter(settings, events)
  const followed = new Map<string, Followed>()

  const traces: Traces = {
    begin(requestId, traceparent) {
      const caller = parseTraceparent(traceparent)
      if (!(caller?.isSampled ?? Math.random() < settings.ratio)) return
      const traceId = caller?.traceId ?? randomId(16)
      followed.set(requestId, {
        context: { traceId, spanId: randomId(8), isSampled: true },
        ...{ parentId: caller?.spanId, startMs: nowMs(), ended: undefined },
      })
    },
    ended(requestId, status) {
      const request = followed.get(requestId)
      if (request === undefined) return
      followed.delete(requestId)
      const { context, parentId, startMs, ended } = request
      exporter.add({
        ...{ ...context, parentId, name: `POST ${ROUTE}`, kind: 'server' },
        ...{ startMs, endMs: nowMs(), error: errorOf(status, ended) },
        attributes: { ...httpAttributes(requestId, status), ...(ended && usageAttributes(ended)) },
      })
    },
    attempt(requestId, deployment) {
      const request = followed.get(requestId)
      return request && attemptOf(request.context, deployment, exporter)
    },
  }

  return {
    traces,
    listening: (others) => ({
      ...others,
      requestEnded(event) {
        const request = followed.get(event.requestId)
        if (request !== undefined) request.ended = event
        others.requestEnded(event)
      },
    }),
    stop: () => exporter.stop(),
  }
}

function attemptOf(
  request: TraceContext,
  deployment: Deployment,
  exporter: SpanExporter,
): AttemptTrace {
  const context = { ...request, spanId: randomId(8) }
  const startMs = nowMs()
  return {
    traceparent: traceparentOf(context),
    ended(fault: FaultKind | undefined, firstByteMs: number | undefined) {
      exporter.add({
        ...{ ...context, parentId: request.spanId, kind: 'client' },
        name: `chat ${deployment.upstreamModel}`,
        ...{ startMs, endMs: nowMs(), error: fault },
        attributes: {
          'gen_ai.operation.name': 'chat',
          'gen_ai.provider.name': deployment.provider,
          'gen_ai.request.model': deployment.upstreamModel,
          'tollgate.deployment': deployment.id,
          'tollgate.first_byte_ms': firstByteMs,
        },
      })
    },
  }
}

const httpAttributes = (requestId: string, status: number): Attributes => ({
  'http.request.method': 'POST',
  'http.route': ROUTE,
  'http.response.status_code': status,
  'tollgate.request_id': requestId,
})

function usageAttributes({ model, answeringModel, outcome, usage, charged }: RequestEnded) {
  const input = usage && INPUT_BUCKETS.reduce((sum, bucket) => sum + usage[bucket], 0)
  return {
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': model,
    'gen_ai.response.model': answeringModel,
    'gen_ai.usage.input_tokens': input,
    'gen_ai.usage.output_tokens': usage && usage.output + usage.audioOutput,
    'gen_ai.usage.cache_read.input_tokens': usage?.cachedInput,
    'tollgate.outcome': outcome,
    'tollgate.charged_microcredits': Number(charged),
  }
}

/** A stream that broke off had status 200 long before. */
function errorOf(status: number, ended: RequestEnded | undefined): string | undefined {
  if (status >= 500) return String(status)
  return ended?.outcome === 'cut' ? 'cut' : undefined
}

const nowMs = (): number => performance.timeOrigin + performance.now()

const randomId = (bytes: number): string => randomBytes(bytes).toString('hex')
