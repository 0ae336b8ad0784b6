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

function sent(fields: object, upstream: Partial<Deployment> = {}): Record<string, unknown> {
  const request = parseChatRequest({ model: 'public', messages, ...fields })
  const text = requestBody({
    request,
    deployment: { ...deployment, ...upstream },
    cap: 77,
    requestId: 'req_1',
  })
  return JSON.parse(text) as Record<string, unknown>
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

  test('a body nested too deeply is refused instead of breaking anything', () => {
    const deep: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000))
    expect(() => sent({ metadata: deep })).toThrow(Failure)
  })
})
