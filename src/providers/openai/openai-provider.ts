import type { Deployment } from '../../domain/model.ts'
import type { AnswerEnd, AnswerListener, Provider, ProviderCall } from '../../ports/provider.ts'
import { HttpPool } from '../http-pool.ts'
import { probe } from './probe.ts'
import { continuing, newRepair } from './repair.ts'
import { requestBody } from './request-body.ts'
import { StreamCall } from './stream-call.ts'
import { WholeCall } from './whole-call.ts'

export type OpenAiSettings = Readonly<{
  baseUrl: string
  /** None for a server that asks for none. */
  apiKeys: readonly string[]
  /** Theirs, as `Deployment.keyPrint` has them. */
  keyPrints?: readonly string[]
  headers: Readonly<Record<string, string>>
}>

/** Any upstream that speaks OpenAI's chat completions: OpenAI itself, and the many that follow it. */
export function openaiProvider({
  baseUrl,
  apiKeys,
  keyPrints = [],
  headers,
}: OpenAiSettings): Provider {
  const url = new URL(baseUrl)
  const pool = new HttpPool(url)
  const keys = apiKeys.length === 0 ? [''] : apiKeys
  const heads = keys.map((key) => requestHead(url, key, headers))
  /** A request that began before a reload goes by the key that it was meant for, wherever that is by now. */
  const placeOf = ({ keyIndex, keyPrint }: Deployment): number =>
    keyPrint === undefined || keyPrints[keyIndex] === keyPrint
      ? keyIndex
      : keyPrints.indexOf(keyPrint)
  return {
    send(call, listener) {
      const { deployment, traceparent } = call
      const running = newCall(call, listener)
      const at = placeOf(deployment)
      if (at === -1) {
        listener.ended(KEY_IS_GONE)
        return running
      }
      const body = requestBody(call)
      const trace = traceparent === undefined ? '' : `traceparent: ${traceparent}\r\n`
      const head = `${heads[at] ?? ''}${trace}content-length: ${Buffer.byteLength(body)}`
      running.start(pool, `${head}\r\n\r\n${body}`, apiKeys[at] ?? '')
      return running
    },
    probe: (keyIndex, timeoutMs) =>
      probe({ baseUrl, apiKey: apiKeys[keyIndex], headers, timeoutMs }),
    close: () => pool.close(),
  }
}

const KEY_IS_GONE: AnswerEnd = {
  kind: 'fault',
  fault: { kind: 'misrouted', detail: 'the configuration does not have its key any more' },
  usage: undefined,
}

/** But for its length, which each request has of its own. */
function requestHead(
  { host, pathname }: URL,
  apiKey: string,
  headers: Readonly<Record<string, string>>,
): string {
  const all = {
    host,
    connection: 'keep-alive',
    ...headers,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'user-agent': 'tollgate',
    ...(apiKey !== '' && { authorization: `Bearer ${apiKey}` }),
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `POST ${pathname.replace(/\/+$/, '')}/chat/completions HTTP/1.1\r\n${lines.join('')}`
}

function newCall(call: ProviderCall, listener: AnswerListener) {
  const { request, deployment, cap, requestId, continued } = call
  const { repair } = deployment
  if (!request.stream) return new WholeCall(listener, repair ? request.model : undefined)
  if (continued !== undefined)
    return new StreamCall(listener, continuing(continued.head), { choices: 1, cap })
  const repairs = repair ? newRepair(request.model, `chatcmpl-${requestId}`) : undefined
  return new StreamCall(listener, repairs, { choices: request.choices, cap })
}
