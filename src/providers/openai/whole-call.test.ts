import { describe, expect, test } from 'vitest'
import { drip, Heard, upstream } from './fixtures/loopback.ts'

const answer = {
  id: 'c',
  model: 'up',
  service_tier: 'flex',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Grüße' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 4 },
}

describe('an answer in one piece', () => {
  const answering = (body: string | Buffer) => upstream((_req, res) => void res.end(body))

  test('goes on as the bytes it came in, with its usage and service tier', async () => {
    const text = JSON.stringify(answer, undefined, 1)
    const heard = new Heard(await answering(text), {})
    const end = await heard.over
    expect(end).toMatchObject({
      kind: 'finished',
      usage: { input: 3, output: 4 },
      serviceTier: 'flex',
    })
    expect(end.kind === 'finished' && Buffer.from(end.body ?? []).toString()).toBe(text)
    expect(heard.told).toEqual({ accepted: 1, ends: 1 })
    expect(heard.call.delivered()).toEqual({ text: 'Grüße', size: { ascii: 3, other: 4 } })
  })

  test('in parts, or spoken, is all of its text', async () => {
    const thought = { type: 'thinking', thinking: [{ type: 'text', text: 'Hm. ' }] }
    const said = {
      content: [thought, { type: 'text', text: 'Yes. ' }],
      audio: { transcript: 'No' },
    }
    const text = JSON.stringify({ choices: [{ index: 0, message: said, finish_reason: 'stop' }] })
    const heard = new Heard(await answering(text), {})
    expect(await heard.over).toMatchObject({ kind: 'finished', usage: undefined })
    expect(heard.call.delivered().text).toBe('Hm. Yes. No')
  })

  test('in many pieces is put together, in the middle of a character too', async () => {
    const bytes = Buffer.from(JSON.stringify(answer))
    const provider = await upstream((_req, res) => void drip(res, bytes))
    const end = await new Heard(provider, {}).over
    expect(end.kind === 'finished' && Buffer.from(end.body ?? []).toString()).toBe(bytes.toString())
  })

  test('of an upstream that names its own model gets the public name', async () => {
    const end = await new Heard(await answering(JSON.stringify(answer)), {}, { repair: true }).over
    const body: unknown = JSON.parse(
      Buffer.from((end.kind === 'finished' && end.body) || []).toString(),
    )
    expect(body).toEqual({ ...answer, model: 'public' })
  })

  test('of an upstream that says its own price does not say it', async () => {
    const usage = { ...answer.usage, cost: 0.0001, cost_details: { upstream_inference_cost: 1 } }
    const provider = await answering(JSON.stringify({ ...answer, usage }))
    const end = await new Heard(provider, {}, { repair: true }).over
    const text = Buffer.from((end.kind === 'finished' && end.body) || []).toString()
    expect(JSON.parse(text)).toEqual({ ...answer, model: 'public' })
  })

  test.each([
    [{ reasoning: 'Hm.' }, { reasoning: 'Hm.', reasoning_content: 'Hm.' }],
    [
      { reasoning: 'Hm.', reasoning_content: 'Ha.' },
      { reasoning: 'Hm.', reasoning_content: 'Ha.' },
    ],
    [{ reasoning: null }, { reasoning: null }],
  ])('of an upstream that says %j in a way of its own says it in both', async (said, told) => {
    const body = (message: object) => ({
      ...answer,
      choices: [{ message, finish_reason: 'stop' }, 1],
    })
    const provider = await answering(JSON.stringify(body({ content: 'So.', ...said })))
    const end = await new Heard(provider, {}, { repair: true }).over
    const text = Buffer.from((end.kind === 'finished' && end.body) || []).toString()
    expect(JSON.parse(text)).toEqual({ ...body({ content: 'So.', ...told }), model: 'public' })
  })

  test.each<[string, string, string]>([
    ['empty', '', 'broken'],
    ['a web page', '<html></html>', 'broken'],
    ['cut JSON', '{"choices":[{"mess', 'broken'],
    ['no chat completion', '{"object":"list"}', 'broken'],
    ['an error', '{"error":{"message":"x","code":429}}', 'rate_limited'],
    ['an error beside choices', '{"choices":[],"error":{"message":"x"}}', 'server'],
    ['without choices in it', '{"choices":[]}', 'empty'],
    ['without output or finish', '{"choices":[{"message":{"content":""}}]}', 'empty'],
  ])('that is %s is a fault', async (_what, body, kind) => {
    const heard = new Heard(await answering(body), {})
    expect(await heard.over).toMatchObject({ kind: 'fault', fault: { kind } })
    expect(heard.told).toEqual({ accepted: 1, ends: 1 })
  })

  test('that breaks off is broken', async () => {
    const provider = await upstream((_req, res) => {
      res.writeHead(200, { 'content-length': 500 })
      res.write('{"choices":', () => res.destroy())
    })
    const heard = new Heard(provider, {})
    expect(await heard.over).toMatchObject({ kind: 'fault', fault: { kind: 'broken' } })
    expect(heard.told).toEqual({ accepted: 1, ends: 1 })
  })

  test('with a finish but no text is an answer', async () => {
    const body = '{"choices":[{"message":{"content":""},"finish_reason":"length"}]}'
    expect(await new Heard(await answering(body), {}).over).toMatchObject({ kind: 'finished' })
  })

  test('with tool calls alone is an answer, and counts their arguments', async () => {
    const calls = [{ id: 'a', function: { name: 'f', arguments: '{"x":1}' } }]
    const body = JSON.stringify({ choices: [{ message: { content: null, tool_calls: calls } }] })
    const heard = new Heard(await answering(body), {})
    expect(await heard.over).toMatchObject({ kind: 'finished', usage: undefined })
    expect(heard.call.delivered().text).toContain('arguments')
  })
})
