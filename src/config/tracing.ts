import type { TracingSettings } from './config.ts'
import type { Report } from './problem.ts'
import type { Variables } from './variables.ts'

type Reader = Readonly<{ variables: Variables; report: Report }>

export type Tracing = Readonly<{
  tracing: TracingSettings | undefined
  /** Often with the collector's key among them. */
  headers: Readonly<Record<string, string>>
}>

/** OpenTelemetry's own variables, as far as they mean anything here. Without an address nothing is traced. */
export function readTracing({ variables, report }: Reader): Tracing {
  const { plain, secret } = variables
  const complain = (path: string, message: string, fix: string): undefined => {
    report({ file: 'environment', line: undefined, path, message, fix })
  }
  const address = plain('OTEL_EXPORTER_OTLP_ENDPOINT')
  const serviceName = plain('OTEL_SERVICE_NAME') ?? 'tollgate'
  const ratio = Number(plain('OTEL_TRACES_SAMPLER_ARG') ?? '1')
  const headers = headersOf(secret('OTEL_EXPORTER_OTLP_HEADERS') ?? '')
  if (address === undefined) return { tracing: undefined, headers: {} }
  const endpoint = endpointOf(address)
  if (endpoint === undefined) {
    const fix = 'write the address of a collector for OTLP over HTTP, such as http://localhost:4318'
    complain('OTEL_EXPORTER_OTLP_ENDPOINT', 'is no http or https address without a password', fix)
  }
  if (!(ratio >= 0 && ratio <= 1)) {
    complain('OTEL_TRACES_SAMPLER_ARG', 'is no number from 0 to 1', 'write 0.1 for one in ten')
  }
  if (headers === undefined) {
    complain('OTEL_EXPORTER_OTLP_HEADERS', 'is no list of headers', 'write name=value,name=value')
  }
  return { tracing: { endpoint: endpoint ?? '', serviceName, ratio }, headers: headers ?? {} }
}

function endpointOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { protocol, username, password } = new URL(text)
  const isPlain = username === '' && password === ''
  return /^https?:$/.test(protocol) && isPlain ? text.replace(/\/+$/, '') : undefined
}

const PAIR = /^\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*([\x20-\x7e]*?)\s*$/

/** Values are percent-encoded, as in W3C Baggage. */
function headersOf(text: string): Record<string, string> | undefined {
  const headers: Record<string, string> = {}
  for (const pair of text.split(',').filter((one) => one.trim() !== '')) {
    const [, name, value = ''] = PAIR.exec(pair) ?? []
    if (name === undefined || !isEncoded(value)) return undefined
    headers[name.toLowerCase()] = decodeURIComponent(value)
  }
  return headers
}

const isEncoded = (value: string): boolean => !/%(?![0-9a-f]{2})/i.test(value)
