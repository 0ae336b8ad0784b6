import { describe, expect, test } from 'vitest'
import { parseChatRequest } from '../../domain/chat-request.ts'
import { Failure } from '../../domain/failure.ts'
import type { Deployment } from '../../domain/model.ts'
import { priceFrom } from '../../domain/price.ts'
import { requestBody } from './request-body.ts'

const deployment: Deployment = {
  id: 'p/up',
  provider: 'p',
  keyIndex: 0,
  upstreamModel: 'vendor/up',
  priority: 0,
  weight: 1,
  price: priceFrom({}, { creditsPerUsd: '1', markup: '0' }, 'v'),
  timeouts: { connectMs: 1, firstByteMs: 1, idleMs: 1, totalMs: 1, wholeMs: 1 },
  concurrencyMax: Infinity,
  repair: false,
  capField: 'max_tokens',
  stripFields: [],
}
const messages = [{ role: 'user', content: 'Größe 👋' }]

/** What a provider reads, whether the body is passed on as its text or written anew. */
function sent(fields: object, upstream: Partial<Deployment> = {}): Record<string, unknown> {
  const body = { model: 'public', messages, ...fields }
  const anew = JSON.parse(textSent({ body, upstream })) as Record<string, unknown>
  const asSent = textSent({ text: JSON.stringify(body, null, 1), upstream })
  expect(asSent).toContain('\n')
  expect(JSON.parse(asSent)).toEqual(anew)
  return anew
}

type Sending = { body?: unknown; text?: string; upstream?: Partial<Deployment> }

function textSent({ text, body = JSON.parse(text ?? ''), upstream = {} }: Sending): string {
  const request = parseChatRequest(body, text)
  const to = { ...deployment, ...upstream }
  return requestBody({ request, deployment: to, cap: 77, requestId: 'req_1' })
}

describe('what goes upstream', () => {
  test('names the model as the upstream knows it, and keeps all other fields', () => {
    const unknown = { seed: 7, prompt_cache_key: 'k', x: { y: [1, null] }, temperature: 0.1 }
    expect(sent(unknown)).toEqual({ model: 'vendor/up', messages, max_tokens: 77, ...unknown })
  })

  test.each([
    {},
    { max_tokens: 90 },
    { max_completion_tokens: 90 },
    { max_tokens: 1, max_completion_tokens: 9 },
  ])('carries the cap under the one name that the upstream knows, given %j', (fields) => {
    expect(sent(fields, { capField: 'max_tokens' })).toEqual({
      model: 'vendor/up',
      messages,
      max_tokens: 77,
    })
    expect(sent(fields, { capField: 'max_completion_tokens' })).toEqual({
      model: 'vendor/up',
      messages,
      max_completion_tokens: 77,
    })
  })

  test('a stream always asks for usage, whatever the caller said', () => {
    for (const options of [undefined, null, {}, { include_usage: false }]) {
      const body = sent({ stream: true, stream_options: options })
      expect(body['stream_options']).toEqual({ include_usage: true })
    }
  })

  test('other stream options are kept', () => {
    const body = sent({ stream: true, stream_options: { include_obfuscation: false } })
    expect(body['stream_options']).toEqual({ include_obfuscation: false, include_usage: true })
  })

  test('what the gateway decides comes last, for those who read names like its own', () => {
    const asked = { include_usage: false, Include_Usage: false }
    for (const text of [
      undefined,
      JSON.stringify({ model: 'm', messages, stream: true, seed: 1 }),
    ]) {
      const body = { model: 'm', messages, stream: true, stream_options: asked }
      const [sent, options] = [textSent({ body, ...(text && { text }) }), '"include_usage":true']
      const names = Object.keys(JSON.parse(sent) as object)
      expect(names.slice(-3)).toEqual(['model', 'max_tokens', 'stream_options'])
      expect(sent.endsWith(`${options}}}`)).toBe(true)
    }
  })

  test('an answer in one piece needs no stream options', () => {
    expect(sent({})).not.toHaveProperty('stream_options')
  })

  test('fields that the upstream refuses are taken out last, ours too', () => {
    const upstream = { stripFields: ['seed', 'stream_options', 'max_tokens'] }
    expect(sent({ seed: 7, stream: true }, upstream)).toEqual({
      model: 'vendor/up',
      messages,
      stream: true,
    })
  })

  test('the caller’s body is left as it was', () => {
    const body = { model: 'public', messages, max_tokens: 5, seed: 1 }
    const request = parseChatRequest(body)
    requestBody({
      request,
      deployment: { ...deployment, stripFields: ['seed'] },
      cap: 77,
      requestId: 'req_1',
    })
    expect(body).toEqual({ model: 'public', messages, max_tokens: 5, seed: 1 })
  })

  const MESSAGES = '"messages":[{"role":"user","content":"Hi"}]'

  test.each([
    ['before', `{"model":"public","max_tokens":5,${MESSAGES},"seed":7}`],
    ['behind', `{${MESSAGES},"seed":7,"model":"public","max_tokens":5}`],
    ['between', `{"max_tokens":5,${MESSAGES},"model":"public","seed":7}`],
    ['on both sides', `{ "model" : "public" ,\n${MESSAGES},"seed":7 ,\t"max_tokens" : 5 }\n`],
  ])('all but what is decided goes out as it came, with the decided %s', (_place, text) => {
    const { model, max_tokens, ...others } = JSON.parse(textSent({ text })) as object & {
      model: string
      max_tokens: number
    }
    expect({ model, max_tokens }).toEqual({ model: 'vendor/up', max_tokens: 77 })
    expect(others).toEqual({ messages: [{ role: 'user', content: 'Hi' }], seed: 7 })
    expect(textSent({ text })).toContain(MESSAGES)
  })

  test('numbers keep all of their digits, and texts their escapes', () => {
    const rest = `${MESSAGES},"x":{"id":9007199254740993,"most":1e400,"least":-0},"y":["\\u00e9\\\\\\"",1.10]`
    expect(textSent({ text: `{"model":"public",${rest}}` })).toContain(rest)
  })

  test.each([
    ['at the top', `{"n":9,"n":1,"model":"public",${MESSAGES}}`, '"n":9'],
    ['inside', `{"model":"public",${MESSAGES},"tools":[{"type":"web","type":"function"}]}`, 'web'],
    ['with an escape', `{"model":"public",${MESSAGES},"mod\\u0065l":"dear"}`, 'dear'],
    ['with an escape inside', `{"model":"public",${MESSAGES},"x":{"a":9,"\\u0061":1}}`, '9'],
  ])('a name that is there twice goes out once, as it was understood: %s', (_where, text, lost) => {
    expect(JSON.parse(text)).toMatchObject({ messages: [{ role: 'user', content: 'Hi' }] })
    const body = textSent({ text, body: { ...(JSON.parse(text) as object), model: 'public' } })
    expect(body).not.toContain(lost)
    expect(JSON.parse(body)).toMatchObject({ model: 'vendor/up' })
  })

  test('an answer is gone on with by the messages and what has come of it', () => {
    const text = `{"model":"public",${MESSAGES}}`
    const request = parseChatRequest(JSON.parse(text), text)
    const continued = { text: 'So far', head: { id: 'a', created: 1, model: 'public' } }
    const body = requestBody({ request, deployment, cap: 7, requestId: 'req_1', continued })
    expect(JSON.parse(body)).toMatchObject({
      messages: [{ content: 'Hi' }, { role: 'assistant', content: 'So far' }, { role: 'user' }],
    })
  })

  test('a body nested too deeply is refused instead of breaking anything', () => {
    const deep: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000))
    expect(() => sent({ metadata: deep })).toThrow(Failure)
    const text = `{"model":"public",${MESSAGES},"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    expect(() => textSent({ text })).toThrow(Failure)
  })
})
