import net from 'node:net'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { textOf } from './fault-provider/answer.ts'
import { ofKind, settledOf } from './support/journal.ts'
import {
  configFor,
  costOf,
  MESSAGES,
  openHouse,
  PRICE,
  type Client,
  type House,
} from './support/house.ts'
import { chat, payloads, raw } from './support/raw.ts'
import { startGateway } from './support/gateway-process.ts'
import { checkBooks } from './support/true-books.ts'

let house: House
let client: Client

beforeAll(async () => {
  house = await openHouse({
    words: ['answer?chunks=5'],
    slow: ['answer?chunks=60&every=50'],
    unsaid: ['answer?chunks=40&usage=none'],
    zero: ['answer?usage=zero'],
    'in-finish': ['answer?usage=finish'],
    'each-time': ['answer?usage=each'],
    cut: ['answer?chunks=20&cut=10'],
    'cut-said-first': ['answer?chunks=20&cut=10&usage=first'],
    ended: ['answer?chunks=20&end=10'],
    stalled: ['answer?chunks=20&stall=10'],
    erring: ['answer?chunks=20&error=10'],
    mangled: ['answer?chunks=20&bad_line=10'],
    undone: ['answer?done=no'],
    'left-open': ['answer?done=no&left_open'],
    'left-open-unsaid': ['answer?chunks=40&done=no&left_open&usage=none'],
    'with-empty-events': ['answer?empty_event=3'],
    several: ['answer?several&first=3&usage=finish'],
    'several-left-open': ['answer?several&first=3&done=no&left_open'],
    'several-cut': ['answer?several&chunks=20&first=3&cut=10'],
    'several-ended': ['answer?several&chunks=20&first=3&end=10'],
    'several-stalled': ['answer?several&chunks=20&first=3&stall=10'],
    'several-erring': ['answer?several&chunks=20&first=3&error=10'],
    'one-of-several': ['answer?chunks=5'],
    long: ['answer?chunks=100000'],
    empty: ['answer?body=nothing'],
    hanging: ['answer?hang'],
    dead: ['answer?status=500'],
  })
  client = await house.client()
})
afterAll(() => house.close())

const lastUsage = () => house.upstream.journal.at(-1)?.usage ?? { prompt: 0, completion: 0 }
/** What the gateway must count for itself where the provider says nothing. */
const promptCount = countTokens(MESSAGES[0]?.content ?? '')

type Run = Readonly<{ paid: number; events: string[]; record: ReturnType<typeof settledOf> }>

async function run(
  model: string,
  more: object = { stream: true },
): Promise<Run & { status: number }> {
  const before = Number(await client.balance())
  const { status, body, headers } = await raw({
    url: house.gateway.url,
    key: client.key,
    body: chat(model, more),
  })
  const record = settledOf(house.gateway.dir, String(headers['x-request-id']))
  const paid = before - Number(await client.balance())
  expect(await client.held()).toBe('0')
  return { status, paid, events: payloads(body), record }
}

describe('an answer that finished', () => {
  test.each(['words', 'in-finish', 'each-time', 'undone', 'left-open', 'with-empty-events'])(
    'costs what the provider reported (%s)',
    async (model) => {
      const { paid, record, events } = await run(model)
      expect(paid).toBe(costOf(lastUsage()))
      expect(record).toMatchObject({
        outcome: 'finished',
        usage: { input: lastUsage().prompt, output: lastUsage().completion },
      })
      expect(record['estimated']).toBeUndefined()
      expect(events.at(-1)).toBe('[DONE]')
      expect(events.filter((event) => event.includes('"prompt_tokens"'))).toEqual([])
    },
  )

  test.each([true, false])(
    'without usage costs what was delivered, and is marked estimated (stream: %s)',
    async (stream) => {
      const { paid, record } = await run('unsaid', { stream })
      expect(record).toMatchObject({ outcome: 'finished', estimated: true })
      expect(paid).toBe(costOf({ prompt: promptCount, completion: countTokens(textOf(40)) }))
    },
  )

  test('without usage is paid for also where its prompt has more parts than the stack takes', async () => {
    const rich = await house.client('100000000')
    const content = Array.from({ length: 150_000 }, () => ({ type: 'text', text: 'a' }))
    const body = chat('unsaid', { stream: true, messages: [{ role: 'user', content }] })
    const answer = await raw({ url: house.gateway.url, key: rich.key, body })
    expect(payloads(answer.body).at(-1)).toBe('[DONE]')
    const record = settledOf(house.gateway.dir, String(answer.headers['x-request-id']))
    expect(record).toMatchObject({ outcome: 'finished', estimated: true })
    const { input, output } = record['usage'] as { input: number; output: number }
    expect(output).toBe(countTokens(textOf(40)))
    expect(input).toBeGreaterThan(100_000)
    expect(Number(record['amount'])).toBe(costOf({ prompt: input, completion: output }) * 1e6)
  })

  test('without usage costs what was delivered also where its connection stays open', async () => {
    const { paid, record, events } = await run('left-open-unsaid')
    expect(record).toMatchObject({ outcome: 'finished', estimated: true })
    expect(paid).toBe(costOf({ prompt: promptCount, completion: countTokens(textOf(40)) }))
    expect(events.at(-1)).toBe('[DONE]')
  })

  test.each(['several', 'several-left-open', 'one-of-several'])(
    'in as many choices as its provider gives costs what was reported (%s)',
    async (model) => {
      const { paid, record, events } = await run(model, { stream: true, n: 2 })
      expect(record).toMatchObject({ outcome: 'finished' })
      expect(paid).toBe(costOf(lastUsage()))
      expect(events.at(-1)).toBe('[DONE]')
    },
  )

  test.each([true, false])('reported as zero stays zero (stream: %s)', async (stream) => {
    const { paid, record } = await run('zero', { stream })
    expect({ paid, usage: record['usage'] }).toEqual({ paid: 0, usage: {} })
  })
})

describe('an answer that broke off after its first token', () => {
  test.each(['cut', 'ended', 'stalled', 'erring', 'mangled'])(
    'costs the caller nothing and the operator what was delivered (%s)',
    async (model) => {
      const { paid, record, events } = await run(model)
      expect(paid).toBe(0)
      expect(record).toMatchObject({ outcome: 'cut', amount: '0' })
      const overrun = ofKind(house.gateway.dir, 'overrun').find(({ ref }) => ref === record.ref)
      expect(overrun).toMatchObject({ account: 'operator', reason: 'cut', amount: record['cost'] })
      expect(Number(record['cost'])).toBeGreaterThan(promptCount * PRICE.input * 1_000_000)
      // What came is a prefix of what was sent; then one error, and no end that looks like a finish.
      const texts = events.flatMap((event) => /"content":"([^"]+)"/.exec(event)?.[1] ?? [])
      expect(textOf(20).startsWith(texts.join(''))).toBe(true)
      expect(texts.length).toBe(10)
      expect(JSON.parse(events.at(-1) ?? '')).toHaveProperty('error.code')
    },
  )
})

test('an answer that broke off costs the operator what came, whatever its first chunk reported', async () => {
  const { paid, record } = await run('cut-said-first')
  expect({ paid, outcome: record['outcome'] }).toEqual({ paid: 0, outcome: 'cut' })
  expect(record['usage']).toEqual({ input: promptCount, output: countTokens(textOf(10)) })
})

test('a report of more than the books can write down is not believed', async () => {
  const models = { huge: ['answer?usage=huge'] }
  const config = configFor(house.upstream.baseUrl, models)
    .replace('credits_per_usd: 1000000', 'credits_per_usd: 900000000')
    .replace('input: 2,', 'input: 100000,')
  const gateway = await startGateway({ config })
  try {
    const { key } = await gateway.user('rich', '9000000000000')
    const { headers } = await raw({ url: gateway.url, key, body: chat('huge') })
    const record = settledOf(gateway.dir, String(headers['x-request-id']))
    expect(record).toMatchObject({ outcome: 'finished', estimated: true })
    expect(record['usage']).toMatchObject({ input: promptCount })
    await gateway.stop()
    checkBooks(gateway)
  } finally {
    await gateway.close()
  }
})

test('an answer whose time runs out because its caller reads slowly is paid for as far as it came', async () => {
  const before = Number(await client.balance())
  const socket = net.connect(Number(new URL(house.gateway.url).port), '127.0.0.1')
  const body = chat('long', { stream: true })
  const head = [
    'POST /v1/chat/completions HTTP/1.1',
    'host: x',
    `authorization: Bearer ${client.key}`,
  ]
  socket.write(`${head.join('\r\n')}\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  let text = ''
  await new Promise<void>((resolve) => {
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1')
      if (text.includes('"error":')) resolve()
      else if (house.upstream.journal.at(-1)?.ended === 'running') {
        socket.pause()
        setTimeout(() => socket.resume(), 300)
      }
    })
  })
  socket.destroy()
  const record = settledOf(house.gateway.dir, /x-request-id: (\S+)/i.exec(text)?.[1])
  expect(record).toMatchObject({ outcome: 'aborted', estimated: true, amount: record['cost'] })
  expect(before - Number(await client.balance())).toBe(Number(record['amount']) / 1e6)
  expect(text.split('"content":" word').length).toBeGreaterThan(1_000)
}, 30_000)

test.each(['several-cut', 'several-ended', 'several-stalled', 'several-erring'])(
  'an answer of several choices that broke off when one had finished costs nothing, and ends with an error (%s)',
  async (model) => {
    const { paid, record, events } = await run(model, { stream: true, n: 2 })
    expect(paid).toBe(0)
    expect(record).toMatchObject({ outcome: 'cut', amount: '0' })
    expect(events.filter((event) => event.includes('"finish_reason":"stop"'))).toHaveLength(1)
    expect(JSON.parse(events.at(-1) ?? '')).toHaveProperty('error.code')
  },
)

describe('no answer', () => {
  test.each([
    ['dead', 503, 'failed'],
    ['hanging', 504, 'failed'],
    ['empty', 502, 'empty'],
  ])('costs nothing (%s)', async (model, status, outcome) => {
    const got = await run(model)
    expect({ status: got.status, paid: got.paid }).toEqual({ status, paid: 0 })
    expect(got.record).toMatchObject({ outcome, amount: '0', cost: '0' })
  })
})

describe('a caller who leaves', () => {
  async function leave(
    model: string,
    when: (abort: AbortController, left: Promise<unknown>) => Promise<void>,
  ) {
    const before = Number(await client.balance())
    const known = new Set(ofKind(house.gateway.dir, 'settle').map(({ ref }) => ref))
    const abort = new AbortController()
    const left = client.openai.chat.completions.create(
      { model, messages: MESSAGES, stream: true },
      { signal: abort.signal },
    )
    await when(abort, left)
    await house.upstream.until((journal) => journal.at(-1)?.ended !== 'running')
    for (;;) {
      const record = ofKind(house.gateway.dir, 'settle').find(({ ref }) => !known.has(ref))
      if (record !== undefined) return { record, paid: before - Number(await client.balance()) }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  test('in mid-answer pays for what was delivered, and the provider is told to stop', async () => {
    let delivered = 0
    const { record, paid } = await leave('slow', async (abort, created) => {
      for await (const chunk of (await created) as AsyncIterable<{
        choices: { delta: { content?: string } }[]
      }>) {
        if ((chunk.choices[0]?.delta.content ?? '') !== '') delivered++
        if (delivered === 8) abort.abort()
      }
    })
    expect(record).toMatchObject({ outcome: 'aborted', estimated: true })
    expect(house.upstream.journal.at(-1)?.ended).toBe('caller_left')
    const output = (record['usage'] as { output: number }).output
    expect(output).toBeGreaterThanOrEqual(countTokens(textOf(8)))
    expect(output).toBeLessThanOrEqual(countTokens(textOf(12)))
    expect(paid).toBe(costOf({ prompt: promptCount, completion: output }))
  })

  test('before the first token pays for the prompt that the provider had accepted', async () => {
    const calls = house.upstream.journal.length
    const { record, paid } = await leave('hanging', async (abort, created) => {
      const gone = expect(created).rejects.toThrow('aborted')
      await house.upstream.until((journal) => journal.length > calls)
      abort.abort()
      await gone
    })
    expect(record).toMatchObject({ outcome: 'aborted_early', estimated: true })
    expect(paid).toBe(costOf({ prompt: promptCount, completion: 0 }))
  })
})
