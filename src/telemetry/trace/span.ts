export type Attributes = Readonly<Record<string, string | number | undefined>>

/** A piece of work, from its start to its end, both in milliseconds since 1970. */
export type Span = Readonly<{
  traceId: string
  spanId: string
  parentId: string | undefined
  name: string
  kind: 'server' | 'client'
  startMs: number
  endMs: number
  /** Why it failed; undefined when it did not. */
  error: string | undefined
  attributes: Attributes
}>

const KINDS = { server: 2, client: 3 } as const satisfies Record<Span['kind'], number>
const STATUS_ERROR = 2

/** One export request of OTLP over HTTP, in its JSON form. */
export function otlpBody(spans: readonly Span[], resource: Attributes): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: otlpAttributes(resource) },
        scopeSpans: [{ scope: { name: 'tollgate' }, spans: spans.map(otlpSpan) }],
      },
    ],
  })
}

const otlpSpan = ({ parentId, error, ...span }: Span) => ({
  traceId: span.traceId,
  spanId: span.spanId,
  ...(parentId !== undefined && { parentSpanId: parentId }),
  name: span.name,
  kind: KINDS[span.kind],
  startTimeUnixNano: nanoseconds(span.startMs),
  endTimeUnixNano: nanoseconds(span.endMs),
  attributes: otlpAttributes({ ...span.attributes, 'error.type': error }),
  ...(error !== undefined && { status: { code: STATUS_ERROR, message: error } }),
})

const otlpAttributes = (attributes: Attributes) =>
  Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({ key, value: otlpValue(value ?? '') }))

/** Whole numbers are text in this form, because JSON's own do not reach far enough. */
function otlpValue(value: string | number) {
  if (typeof value === 'string') return { stringValue: value }
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

/** To the microsecond: more is not in a double of this size. */
const nanoseconds = (ms: number): string => `${Math.round(ms * 1_000)}000`
