import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseChatRequest } from './chat-request.ts'
import { promptText } from './prompt-text.ts'
import { Failure } from './failure.ts'

const messages = [{ role: 'user', content: 'Hi' }]
const parse = (fields: object = {}) => parseChatRequest({ model: 'm', messages, ...fields })

function refusal(body: unknown): Failure {
  try {
    parseChatRequest(body)
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('a plain request', () => {
  test('needs a model and messages, and nothing else', () => {
    expect(parse()).toEqual({
      model: 'm',
      stream: false,
      showUsage: false,
      choices: 1,
      cap: undefined,
      serviceTier: undefined,
      media: { images: 0, audioBytes: 0 },
      mediaChars: 0,
      body: { model: 'm', messages },
    })
  })

  test('may say null for what it leaves out', () => {
    const nulls = { stream: null, n: null, max_tokens: null, max_completion_tokens: null }
    const more = { stream_options: null, service_tier: null }
    const { body: _body, ...rest } = parse({ ...nulls, ...more })
    expect(rest).toMatchObject({ stream: false, choices: 1, cap: undefined, showUsage: false })
  })

  test.each([[[]], [[{ type: 'function', function: {} }, { type: 'custom' }, {}]], [null], ['x']])(
    'keeps tools that its caller runs: %j',
    (tools) => {
      expect(parse({ tools }).body).toEqual({ model: 'm', messages, tools })
    },
  )

  test('keeps fields that nobody here knows', () => {
    const unknown = {
      prompt_cache_key: 'k',
      verbosity: 'low',
      reasoning_effort: 'high',
      x: { y: 1 },
      numCtx: 4096,
      X_Trace: 'é',
    }
    expect(parse(unknown).body).toEqual({ model: 'm', messages, ...unknown })
  })

  test('is kept as the text that it was sent as', () => {
    const text = JSON.stringify({ model: 'm', messages })
    expect(parseChatRequest(JSON.parse(text), text).text).toBe(text)
  })

  test('may be as long as anybody needs it', () => {
    const tools = new Array(1_000).fill({ type: 'function', function: { name: 'x' } })
    const more = { stop: new Array(256).fill('x'), logit_bias: Object.fromEntries([[1, 1]]), tools }
    expect(parse(more).body).toMatchObject(more)
  })

  test.each(['system', 'developer', 'assistant', 'tool', 'function', 'control', 'document'])(
    'may have messages of %s',
    (role) => {
      expect(parse({ messages: [{ role, content: 'x' }] }).body).toMatchObject({
        messages: [{ role }],
      })
    },
  )

  test.each(['9007199254740993', '-9007199254740993', '12345678901234567890', '1e400', '-1e400'])(
    'is refused rather than passed on with another number than %s',
    (text) => {
      for (const name of ['seed', 'temperature', 'unknown']) {
        const failure = refusal(
          JSON.parse(`{"model":"m","messages":[{"role":"user"}],"${name}":${text}}`),
        )
        expect([failure.code, failure.details.param]).toEqual(['invalid_request', name])
      }
    },
  )

  test('has numbers up to those that are exact', () => {
    const numbers = { seed: 2 ** 53 - 1, low: -(2 ** 53) + 1, temperature: 0.1 + 0.2, tiny: 5e-324 }
    expect(parse(numbers).body).toMatchObject(numbers)
  })

  test.each([
    [{ max_tokens: 10 }, 10],
    [{ max_completion_tokens: 20 }, 20],
    [{ max_tokens: 10, max_completion_tokens: 20 }, 10],
    [{ max_tokens: 20, max_completion_tokens: 10 }, 10],
    [{ max_tokens: 20, max_completion_tokens: null }, 20],
    [{ max_tokens: 1 }, 1],
  ])('%j caps the output at the smaller', (fields, cap) => {
    expect(parse(fields).cap).toBe(cap)
  })

  test('shows usage only in a stream that asked for it', () => {
    const asks = { stream_options: { include_usage: true } }
    expect(parse({ stream: true, ...asks }).showUsage).toBe(true)
    expect(parse(asks).showUsage).toBe(false)
    expect(parse({ stream: true }).showUsage).toBe(false)
    expect(parse({ stream: true, stream_options: { include_usage: false } }).showUsage).toBe(false)
  })
})

describe('a bad field is named', () => {
  test.each<[object, string]>([
    [{ model: undefined }, 'model'],
    [{ model: '' }, 'model'],
    [{ model: ['m'] }, 'model'],
    [{ model: { id: 'm' } }, 'model'],
    [{ model: 7 }, 'model'],
    [{ messages: undefined }, 'messages'],
    [{ messages: [] }, 'messages'],
    [{ messages: 'Hi' }, 'messages'],
    [{ messages: { 0: { role: 'user' } } }, 'messages'],
    [{ messages: ['Hi'] }, 'messages[0]'],
    [{ messages: [...messages, null] }, 'messages[1]'],
    [{ messages: [...messages, { content: 'x' }] }, 'messages[1]'],
    [{ messages: [{ role: 1 }] }, 'messages[0]'],
    [{ messages: [...messages, { role: 'wizard' }] }, 'messages[1].role'],
    [{ messages: [{ role: '' }] }, 'messages[0].role'],
    [{ n: 0 }, 'n'],
    [{ n: -1 }, 'n'],
    [{ n: 1e9 }, 'n'],
    [{ n: 1.5 }, 'n'],
    [{ n: '2' }, 'n'],
    [{ n: Number.NaN }, 'n'],
    [{ n: 129 }, 'n'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ max_tokens: -1 }, 'max_tokens'],
    [{ max_tokens: 1e12 }, 'max_tokens'],
    [{ max_tokens: '100' }, 'max_tokens'],
    [{ max_tokens: Infinity }, 'max_tokens'],
    [{ max_completion_tokens: 0.5 }, 'max_completion_tokens'],
    [{ max_tokens: 5, max_completion_tokens: true }, 'max_completion_tokens'],
    [{ stream: 'true' }, 'stream'],
    [{ stream: 1 }, 'stream'],
    [{ stream: true, stream_options: [] }, 'stream_options'],
    [{ stream: true, stream_options: 'x' }, 'stream_options'],
    [{ stream: true, stream_options: { include_usage: 'yes' } }, 'stream_options.include_usage'],
    [{ service_tier: 1 }, 'service_tier'],
    [{ api_base: 'http://169.254.169.254' }, 'api_base'],
    [{ base_url: null }, 'base_url'],
    [{ api_key: 'x' }, 'api_key'],
    [{ headers: {} }, 'headers'],
    [{ extra_headers: {} }, 'extra_headers'],
    [{ extra_body: {} }, 'extra_body'],
    [{ provider: { order: ['x'] } }, 'provider'],
    [{ models: ['a'] }, 'models'],
    [{ route: 'fallback' }, 'route'],
    [{ plugins: [] }, 'plugins'],
    [{ web_search_options: {} }, 'web_search_options'],
    [{ search_parameters: { mode: 'auto' } }, 'search_parameters'],
    [{ tools: [{ type: 'web_search' }] }, 'tools[0]'],
    [{ tools: [{ type: 'function' }, { type: 'browser_search' }] }, 'tools[1]'],
    [{ tools: [{ type: { a: 1 } }] }, 'tools[0]'],
    [{ tools: [{ type: 'function', Type: 'web_search' }] }, 'tools[0]'],
    [{ Model: 'dearer' }, 'Model'],
    [{ MAX_TOKENS: 100_000 }, 'MAX_TOKENS'],
    [{ maX_toKens: 100_000 }, 'maX_toKens'],
    [{ meſſages: [] }, 'meſſages'],
    [{ N: 100 }, 'N'],
    [{ Stream_Options: {} }, 'Stream_Options'],
    [{ Web_Search_Options: {} }, 'Web_Search_Options'],
    [{ constructor: { prototype: { polluted: 1 } } }, 'constructor'],
    [{ prototype: {} }, 'prototype'],
  ])('%j', (fields, param) => {
    const failure = refusal({ model: 'm', messages, ...fields })
    expect(failure).toMatchObject({ code: 'invalid_request', details: { param } })
    expect(failure.message).toContain(`'${param}'`)
  })

  test.each<[string, object]>([
    ['messages', new Array(100_001).fill(messages[0])],
    ['metadata', new Array(100_001).fill(0)],
    ['stop', new Array(257).fill('x')],
    ['logit_bias', Object.fromEntries(new Array(10_001).fill(1).entries())],
  ])('%s with an entry too many', (param, value) => {
    const failure = refusal({ model: 'm', messages, [param]: value })
    expect(failure).toMatchObject({ code: 'invalid_request', details: { param } })
  })

  test.each([[undefined], [null], ['text'], [7], [[]], [[{ model: 'm' }]]])(
    'a body that is %j is no object',
    (body) => {
      expect(refusal(body)).toMatchObject({ code: 'invalid_request', details: {} })
    },
  )
})

test('any JSON is read or refused, and never breaks anything', () => {
  const names = ['model', 'messages', 'stream', 'n', 'max_tokens', 'stream_options', '__proto__']
  const body = fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), fc.jsonValue())
  const withMessages = fc.array(fc.jsonValue()).map((list) => ({ model: 'm', messages: list }))
  fc.assert(
    fc.property(fc.oneof(body, withMessages, fc.jsonValue()), (value) => {
      const json: unknown = JSON.parse(JSON.stringify(value))
      try {
        promptText(parseChatRequest(json))
      } catch (error) {
        expect(error).toBeInstanceOf(Failure)
      }
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    }),
  )
})

describe('media in the prompt', () => {
  const png = 'data:image/png;base64,AAAA'

  test('images count whether inlined or by address, and only inlined ones take up text', () => {
    const content = [
      { type: 'text', text: 'See' },
      { type: 'image_url', image_url: { url: png } },
      { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
      { type: 'input_image', image_url: png },
    ]
    const { media, mediaChars } = parse({ messages: [{ role: 'user', content }] })
    expect(media).toEqual({ images: 3, audioBytes: 0 })
    expect(mediaChars).toBe(2 * png.length)
  })

  test('audio counts by the bytes behind its base64', () => {
    const part = (data: unknown) => ({ type: 'input_audio', input_audio: { data, format: 'wav' } })
    const content = [part('AAAA'), part('AAAAAAAA'), part(7), { type: 'input_audio' }]
    const { media, mediaChars } = parse({ messages: [{ role: 'user', content }] })
    expect(media).toEqual({ images: 0, audioBytes: 9 })
    expect(mediaChars).toBe(12)
  })

  test('in all messages counts together', () => {
    const message = { role: 'user', content: [{ type: 'image_url', image_url: { url: png } }] }
    expect(parse({ messages: [message, ...messages, message] }).media.images).toBe(2)
  })

  test('parts that are not objects are no media', () => {
    const content = [null, 'x', 7, [], { type: 'image_url' }]
    expect(parse({ messages: [{ role: 'user', content }] }).media.images).toBe(1)
  })
})

describe('the text of a prompt', () => {
  test('is what the model reads: texts, tool calls, tools and the answer’s format', () => {
    const text = promptText(
      parse({
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: [{ type: 'text', text: 'Part one' }, { type: 'image_url' }] },
          { role: 'assistant', content: null, tool_calls: [{ id: 'call_7' }] },
          { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
          { role: 'assistant', content: 'So.', reasoning_content: 'Let me think.', name: 'ann' },
          { role: 'assistant', content: null, function_call: { name: 'older_way' } },
          { role: 'assistant', content: [{ type: 'thinking', thinking: [{ text: 'Hm.' }] }] },
        ],
        prediction: { type: 'content', content: 'As before' },
        documents: [{ title: 'Law' }],
        tools: [{ function: { name: 'weather' } }],
        functions: [{ name: 'old_way' }],
        response_format: { type: 'json_object' },
      }),
    )
    const words = ['Be brief.', 'Part one', 'call_7', 'No.', 'weather', 'old_way', 'json_object']
    const rarer = ['So.', 'Let me think.', 'ann', 'older_way', 'Hm.', 'As before', 'Law']
    for (const word of [...words, ...rarer]) expect(text).toContain(word)
    expect(text).not.toContain('assistant')
  })

  test('leaves out media', () => {
    const content = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,QUJD' } }]
    expect(promptText(parse({ messages: [{ role: 'user', content }] }))).toBe('')
  })
})
