import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseChatRequest, type ChatRequest } from './chat-request.ts'
import { boundTokens, type TextSize } from './estimate.ts'
import { CAP_MIN, planHold, planWithin, priceAt, priceUnsaid, type Asked } from './hold.ts'
import type { Deployment, Model } from './model.ts'
import { micro } from './money.ts'
import { costBound, costOf, priceFrom, type Price } from './price.ts'
import { Routes } from './routes.ts'
import { NO_USAGE } from './usage.ts'

/** Dollars per million tokens, so that a rate of 1 is a micro-credit a token. */
const priced = (input: number, output: number): Price =>
  priceFrom(
    { input: String(input), output: String(output) },
    { creditsPerUsd: '1', markup: '0' },
    `${input}/${output}`,
  )

const deployment = (price: Price): Deployment => ({
  id: 'p/m',
  provider: 'p',
  keyIndex: 0,
  upstreamModel: 'm',
  priority: 0,
  weight: 1,
  price,
  timeouts: { connectMs: 1, firstByteMs: 1, idleMs: 1, totalMs: 1, wholeMs: 1 },
  concurrencyMax: Infinity,
  repair: false,
  capField: 'max_tokens',
  stripFields: [],
})

const model = (price: Price, more: Partial<Model> = {}): Model => ({
  id: 'm',
  ownedBy: 'o',
  price,
  maxOutput: 1000,
  defaultMaxOutput: 400,
  contextTokens: undefined,
  imageTokensMax: 100,
  serviceTiers: {},
  strategy: 'priority',
  affinity: false,
  deployments: [deployment(price)],
  fallbacks: [],
  limits: {},
  ...more,
})

const chat = (fields: object = {}): ChatRequest =>
  parseChatRequest({ model: 'm', messages: [{ role: 'user', content: 'x' }], ...fields })

const asked = (models: readonly Model[], request = chat(), size?: TextSize): Asked => {
  const route = new Routes(models, new Map()).find('m')
  if (route === undefined) throw new Error('no model m')
  return { request, size: size ?? { ascii: 200, other: 0 }, route }
}

describe('the hold', () => {
  test('is the bound of the prompt and the whole output cap', () => {
    const plan = planHold(asked([model(priced(1, 10))]))
    expect(plan).toEqual({ amount: 100n + 4000n, cap: 400, inputCost: 50n })
  })

  test.each([
    ['the caller’s cap', { max_tokens: 30 }, 30],
    ['the model’s default without one', {}, 400],
    ['the model’s most at most', { max_completion_tokens: 99_999 }, 1000],
  ])('reckons with %s', (_what, fields, cap) => {
    const plan = planHold(asked([model(priced(0, 1))], chat(fields)))
    expect(plan).toMatchObject({ cap, amount: BigInt(cap) })
  })

  const imageOf = (url: string) => ({ type: 'image_url', image_url: { url } })
  const FILE = { type: 'file', file: { file_id: 'file-1' } }
  test.each<[string, object]>([
    ['a file by its name', { content: [{ type: 'text', text: 'x' }, FILE] }],
    [
      'a film by its address',
      { content: [{ type: 'video_url', video_url: { url: 'https://x' } }] },
    ],
    ['sound by its address', { content: [{ type: 'input_audio', input_audio: {} }] }],
    ['a part of no kind', { content: [{ image_url: { url: 'https://x' } }] }],
    ['a file as an image', { content: [imageOf('data:application/pdf;base64,JVBERi0=')] }],
    ['a part alone', { content: FILE }],
    ['an answer that was spoken before', { role: 'assistant', audio: { id: 'audio-1' } }],
  ])(
    'of a prompt whose length nobody can tell is all that the model takes: %s',
    (_what, message) => {
      const request = chat({ messages: [{ role: 'user', ...message }], max_tokens: 20 })
      const known = asked([model(priced(1, 0), { contextTokens: 5_000 })], request)
      expect(planHold(known).amount).toBe(5_000n)
      expect(planHold(asked([model(priced(1, 0))], request)).amount).toBe(1_000_000n)
      expect(planWithin(known, planHold(known), micro(4_999n))).toBeUndefined()
    },
  )

  test.each<[string, unknown]>([
    ['texts', ['x', { type: 'text', text: 'x' }, { type: 'refusal', refusal: 'x' }]],
    ['an image by its address', [imageOf('https://x')]],
    ['an image that was sent', [imageOf('data:image/png;base64,')]],
    ['sound that was sent', [{ type: 'input_audio', input_audio: { data: '' } }]],
    ['nothing', null],
  ])('of a prompt of parts that were sent is what they can be: %s', (_what, content) => {
    const request = chat({ messages: [{ role: 'user', content }], max_tokens: 20 })
    expect(planHold(asked([model(priced(1, 0))], request)).amount).toBeLessThanOrEqual(200n)
  })

  test('n answers hold n outputs', () => {
    const plan = planHold(asked([model(priced(1, 10))], chat({ n: 3, max_tokens: 50 })))
    expect(plan).toMatchObject({ cap: 50, amount: 100n + 1500n })
  })

  test('text that is not ASCII counts a token a byte', () => {
    const size = { ascii: 0, other: 300 }
    expect(planHold(asked([model(priced(1, 0))], chat(), size)).amount).toBe(300n)
  })

  test('an inlined image counts its maximum instead of its bytes', () => {
    const url = `data:image/png;base64,${'A'.repeat(10_000)}`
    const content = [{ type: 'image_url', image_url: { url } }]
    const request = chat({ messages: [{ role: 'user', content }], max_tokens: 1 })
    const size = { ascii: url.length + 40, other: 0 }
    expect(planHold(asked([model(priced(1, 0))], request, size)).amount).toBe(120n)
  })

  test('audio counts by its length', () => {
    const part = { type: 'input_audio', input_audio: { data: 'A'.repeat(4000), format: 'wav' } }
    const request = chat({ messages: [{ role: 'user', content: [part] }] })
    const size = { ascii: 4000 + 40, other: 0 }
    expect(planHold(asked([model(priced(1, 0))], request, size)).amount).toBe(20n + 60n)
  })

  test('a service tier with a price of its own holds that', () => {
    const tiers = { serviceTiers: { priority: priced(2, 20) } }
    const plan = planHold(asked([model(priced(1, 10), tiers)], chat({ service_tier: 'priority' })))
    expect(plan).toMatchObject({ amount: 200n + 8000n, inputCost: 100n })
  })

  test('is for the dearest deployment or fallback that could answer', () => {
    const main = model(priced(1, 1), { deployments: [priced(1, 1), priced(3, 2)].map(deployment) })
    const other = model(priced(2, 9), { id: 'other' })
    const plan = planHold(asked([{ ...main, fallbacks: ['other'] }, other]))
    expect(plan.amount).toBe(200n + 3600n)
  })
})

describe('the price of an answer that does not say its service tier', () => {
  const [usual, flex, own] = [priced(2, 8), priced(1, 4), priced(5, 20)]
  const said = (more: Partial<Deployment>, fields: object = { service_tier: 'flex' }): Price => {
    const of = model(usual, { serviceTiers: { flex } })
    const candidate = { deployment: { ...deployment(usual), ...more }, model: of, seed: 0 }
    return priceUnsaid(candidate, chat(fields))
  }

  test('is that of the tier that was asked for', () => {
    expect(said({})).toBe(flex)
    expect(said({}, {})).toBe(usual)
  })

  test('is the deployment’s own, where it has one, or is not told of the tier', () => {
    expect(said({ price: own })).toBe(own)
    expect(said({ stripFields: ['service_tier'] })).toBe(usual)
  })
})

const rate = fc.nat({ max: 30 })
const prices = fc.tuple(rate, rate).map(([input, output]) => priced(input, output))
const models = fc
  .array(
    fc.record({ price: prices, other: prices, maxOutput: fc.integer({ min: 1, max: 2000 }) }),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((list) =>
    list.map(({ price, other, maxOutput }, index) =>
      model(price, {
        id: index === 0 ? 'm' : `m${index}`,
        maxOutput,
        imageTokensMax: 100 * (index + 1),
        deployments: [deployment(price), deployment(other)],
        fallbacks: index === 0 ? list.slice(1).map((_one, at) => `m${at + 1}`) : [],
      }),
    ),
  )
const sizes = fc.record({ ascii: fc.nat({ max: 5000 }), other: fc.nat({ max: 500 }) })
const requests = fc
  .record({
    n: fc.integer({ min: 1, max: 5 }),
    max_tokens: fc.integer({ min: 1, max: 3000 }),
    images: fc.nat({ max: 3 }),
  })
  .map(({ n, max_tokens, images }) => {
    const image = { type: 'image_url', image_url: { url: 'https://x/y.png' } }
    const content = Array.from({ length: images }, () => image)
    return chat({ n, max_tokens, messages: [{ role: 'user', content }] })
  })
const asks = fc
  .tuple(models, requests, sizes)
  .map(([list, request, size]) => asked(list, request, size))

/** The dearest bill within the caps that were sent upstream. */
function worstBills({ request, size, route }: Asked, cap: number): bigint[] {
  const candidates = route.stages.flatMap(({ groups }) => groups.flat())
  return candidates.flatMap((candidate) => {
    const { imageTokensMax, maxOutput, serviceTiers } = candidate.model
    const input = boundTokens(size) + request.media.images * imageTokensMax
    const output = Math.min(cap, maxOutput) * request.choices
    const usage = { ...NO_USAGE, cachedInput: input, audioOutput: output }
    const tiers = [undefined, 'default', ...Object.keys(serviceTiers)]
    return tiers.map((tier) => costOf(usage, priceAt(candidate, tier)))
  })
}

test('whichever candidate answers, its bill is within the hold', () => {
  fc.assert(
    fc.property(asks, (ask) => {
      const plan = planHold(ask)
      for (const bill of worstBills(ask, plan.cap)) expect(bill <= plan.amount).toBe(true)
    }),
  )
})

describe('with less credit than the hold', () => {
  test('the cap is lowered to what the credit pays', () => {
    const ask = asked([model(priced(1, 10))])
    const lowered = planWithin(ask, planHold(ask), micro(100n + 1239n))
    expect(lowered).toEqual({ amount: 100n + 1230n, cap: 123, inputCost: 50n })
  })

  test('n answers share what the credit pays', () => {
    const ask = asked([model(priced(1, 10))], chat({ n: 4 }))
    expect(planWithin(ask, planHold(ask), micro(100n + 1239n))?.cap).toBe(30)
  })

  test('an answer of 16 tokens is given, one of 15 is not', () => {
    const ask = asked([model(priced(1, 10))])
    expect(planWithin(ask, planHold(ask), micro(260n))?.cap).toBe(CAP_MIN)
    expect(planWithin(ask, planHold(ask), micro(259n))).toBeUndefined()
    expect(planWithin(ask, planHold(ask), micro(99n))).toBeUndefined()
    expect(planWithin(ask, planHold(ask), micro(0n))).toBeUndefined()
  })

  test('the lowered plan fits the credit, keeps to the old cap, and still covers every candidate', () => {
    const credits = fc.bigInt({ min: 0n, max: 60_000n }).map(micro)
    fc.assert(
      fc.property(asks, credits, (ask, credit) => {
        const plan = planHold(ask)
        const lowered = planWithin(ask, plan, credit)
        if (lowered === undefined) return
        expect(lowered.cap).toBeGreaterThanOrEqual(CAP_MIN)
        expect(lowered.cap).toBeLessThanOrEqual(plan.cap)
        expect(lowered.amount <= credit).toBe(true)
        for (const bill of worstBills(ask, lowered.cap)) expect(bill <= lowered.amount).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  test('no larger cap would have fitted a single model', () => {
    const credits = fc.bigInt({ min: 0n, max: 30_000n }).map(micro)
    fc.assert(
      fc.property(prices, requests, credits, (price, request, credit) => {
        const ask = asked([model(price)], request)
        const plan = planHold(ask)
        fc.pre(plan.amount > credit && plan.cap > CAP_MIN)
        const cap = planWithin(ask, plan, credit)?.cap ?? CAP_MIN - 1
        const input = boundTokens(ask.size) + request.media.images * 100
        const output = (cap + 1) * request.choices
        expect(costBound({ input, output }, price) > credit).toBe(true)
      }),
    )
  })
})
