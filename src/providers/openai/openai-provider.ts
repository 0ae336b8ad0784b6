import { Pool } from 'undici'
import type { AnswerListener, Provider, ProviderCall } from '../../ports/provider.ts'
import { probe } from './probe.ts'
import { continuing, newRepair } from './repair.ts'
import { requestBody } from './request-body.ts'
import { StreamCall } from './stream-call.ts'
import { WholeCall } from './whole-call.ts'

export type OpenAiSettings = Readonly<{
  baseUrl: string
  /** None for a server that asks for none. */
  apiKeys: readonly string[]
  connectMs: number
  headers: Readonly<Record<string, string>>
}>

/** Any upstream that speaks OpenAI's chat completions: OpenAI itself, and the many that follow it. */
export function openaiProvider({ baseUrl, apiKeys, connectMs, headers }: OpenAiSettings): Provider {
  const { origin, pathname } = new URL(baseUrl)
  const path = `${pathname.replace(/\/+$/, '')}/chat/completions`
  // Deadlines are the gateway's; undici's own timers would only be second ones.
  const pool = new Pool(origin, {
    connect: { timeout: connectMs },
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const keys = apiKeys.length === 0 ? [''] : apiKeys
  const headersFor = keys.map((key) => ({
    ...headers,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'user-agent': 'tollgate',
    ...(key !== '' && { authorization: `Bearer ${key}` }),
  }))
  return {
    send(call, listener) {
      const { deployment, traceparent } = call
      const own = headersFor[deployment.keyIndex] ?? {}
      const running = newCall(call, listener)
      pool.dispatch(
        {
          path,
          method: 'POST',
          headers: traceparent === undefined ? own : { ...own, traceparent },
          body: call.request.stream ? ownBytes(requestBody(call)) : requestBody(call),
        },
        running,
      )
      return running
    },
    probe: (keyIndex, timeoutMs) =>
      probe({ baseUrl, apiKey: apiKeys[keyIndex], headers, timeoutMs }),
    close: () => pool.close(),
  }
}

/**
 * Undici keeps the body until the answer has ended. In memory of its own it does not keep a piece of Node's pool, which
 * stays whole as long as any of it is used, for the life of a stream.
 */
function ownBytes(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
  bytes.write(text)
  return bytes
}

function newCall(call: ProviderCall, listener: AnswerListener) {
  const { request, deployment, requestId, continued } = call
  const { repair } = deployment
  if (!request.stream) return new WholeCall(listener, repair ? request.model : undefined)
  if (continued !== undefined) return new StreamCall(listener, continuing(continued.head))
  return new StreamCall(
    listener,
    repair ? newRepair(request.model, `chatcmpl-${requestId}`) : undefined,
  )
}
