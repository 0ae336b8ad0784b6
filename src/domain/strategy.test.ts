import { describe, expect, test } from 'vitest'
import { conversationHash, keepTogether, seedOf } from './affinity.ts'
import type { Deployment, Model } from './model.ts'
import { priceFrom } from './price.ts'
import type { Candidate } from './route.ts'
import { arrange, EXPLORED_SHARE, type Circumstances, type Strategy } from './strategy.ts'
import { textUsage } from './usage.ts'

const PICKS = 10_000
const TOLERANCE = 0.05

type Wish = Partial<Deployment> & Readonly<{ input?: string; output?: string }>

const candidate = (id: string, { input = '1', output = '1', ...more }: Wish = {}): Candidate => {
  const price = priceFrom({ input, output }, { creditsPerUsd: '1000', markup: '0' }, id)
  const deployment: Deployment = {
    ...{ id, provider: id, keyIndex: 0, upstreamModel: 'm', priority: 0, weight: 1, price },
    timeouts: { connectMs: 1, firstByteMs: 1, idleMs: 1, totalMs: 1, wholeMs: 1 },
    concurrencyMax: Infinity,
    ...{ repair: false, capField: 'max_tokens', stripFields: [], ...more },
  }
  const model: Model = {
    ...{ id: 'm', ownedBy: 'o', price, maxOutput: 1, defaultMaxOutput: 1, imageTokensMax: 0 },
    ...{ contextTokens: undefined, serviceTiers: {}, strategy: 'priority', affinity: false },
    ...{ deployments: [deployment], fallbacks: [] },
    limits: {},
  }
  return { deployment, model, seed: seedOf(id) }
}

/** mulberry32: the same chances on every run. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const QUIET = { inFlight: () => 0, firstByteMs: () => undefined }

const circumstances = (more: Partial<Circumstances> = {}): Circumstances => ({
  ...{ traffic: QUIET, chance: seeded(7), turn: 0, usage: textUsage(100, 100), tier: undefined },
  ...more,
})

const ids = (list: readonly Candidate[]) => list.map(({ deployment }) => deployment.id)

function arranged(list: readonly Candidate[], strategy: Strategy, by: Circumstances): string[] {
  const order = [...list]
  arrange(order, strategy, by)
  return ids(order)
}

/** The share of each at the given place, over all picks. */
function shares(pick: (turn: number) => string[], place = 0): Map<string, number> {
  const found = new Map<string, number>()
  for (let turn = 0; turn < PICKS; turn++) {
    const id = pick(turn)[place] ?? ''
    found.set(id, (found.get(id) ?? 0) + 1 / PICKS)
  }
  return found
}

function expectShares(found: Map<string, number>, wanted: Readonly<Record<string, number>>): void {
  for (const [id, share] of Object.entries(wanted)) {
    const actual = found.get(id) ?? 0
    expect(Math.abs(actual - share), `${id}: ${actual}`).toBeLessThanOrEqual(share * TOLERANCE)
  }
  expect([...found.keys()].sort()).toEqual(Object.keys(wanted).sort())
}

const [a, b, c] = [candidate('a'), candidate('b'), candidate('c')]

describe('over 10 000 picks', () => {
  test('priority takes the first as listed, always', () => {
    const by = circumstances()
    expectShares(
      shares(() => arranged([a, b, c], 'priority', by)),
      { a: 1 },
    )
  })

  test('weighted gives each its part, and a second attempt its part of the rest', () => {
    const list = [
      candidate('a', { weight: 5 }),
      candidate('b', { weight: 3 }),
      candidate('c', { weight: 2 }),
    ]
    const by = circumstances({ chance: seeded(3) })
    const picks = Array.from({ length: PICKS }, () => arranged(list, 'weighted', by))
    expectShares(
      shares((turn) => picks[turn] ?? []),
      { a: 0.5, b: 0.3, c: 0.2 },
    )
    const second = (x: number, y: number, z: number) => (x * y) / (1 - x) + (z * y) / (1 - z)
    expectShares(
      shares((turn) => picks[turn] ?? [], 1),
      { a: second(0.3, 0.5, 0.2), b: second(0.5, 0.3, 0.2), c: second(0.5, 0.2, 0.3) },
    )
  })

  test('round-robin gives each the same, one after the other as listed', () => {
    const pick = (turn: number) => arranged([a, b, c], 'round-robin', circumstances({ turn }))
    expectShares(shares(pick), { a: 1 / 3, b: 1 / 3, c: 1 / 3 })
    expect([0, 1, 2, 3].map((turn) => pick(turn)[0])).toEqual(['a', 'b', 'c', 'a'])
    expect(pick(1)).toEqual(['b', 'c', 'a'])
  })

  test('least-busy evens out what is in flight, however unevenly it ends', () => {
    const chance = seeded(11)
    const inFlight = new Map<string, number>()
    const traffic = { ...QUIET, inFlight: ({ id }: Deployment) => inFlight.get(id) ?? 0 }
    const pick = (): string[] => {
      const order = arranged([a, b, c], 'least-busy', circumstances({ chance, traffic }))
      const first = order[0] ?? ''
      inFlight.set(first, (inFlight.get(first) ?? 0) + 1)
      for (const [id, count] of inFlight)
        if (chance() < 0.3 && count > 0) inFlight.set(id, count - 1)
      return order
    }
    expectShares(shares(pick), { a: 1 / 3, b: 1 / 3, c: 1 / 3 })
  })

  test('least-busy leaves alone what is slow to end', () => {
    const traffic = { ...QUIET, inFlight: ({ id }: Deployment) => (id === 'b' ? 4 : 1) }
    const by = circumstances({ traffic })
    expectShares(
      shares(() => arranged([a, b, c], 'least-busy', by)),
      { a: 1 / 2, c: 1 / 2 },
    )
  })

  test('fastest takes the one whose first token comes soonest, and tries the others now and then', () => {
    const ms: Record<string, number> = { a: 300, b: 90, c: 120 }
    const traffic = { ...QUIET, firstByteMs: ({ id }: Deployment) => ms[id] }
    const chance = seeded(5)
    const found = shares(() => arranged([a, b, c], 'fastest', circumstances({ traffic, chance })))
    expectShares(new Map([['b', found.get('b') ?? 0]]), { b: 1 - EXPLORED_SHARE })
    expect(found.get('a')).toBeGreaterThan(0.02)
    expect(found.get('c')).toBeGreaterThan(0.02)
  })

  test('fastest tries one that nobody knows at once, but by one request at a time', () => {
    const busy = new Set<string>()
    const traffic = {
      firstByteMs: ({ id }: Deployment) => (id === 'b' ? undefined : 100),
      inFlight: ({ id }: Deployment) => (busy.has(id) ? 1 : 0),
    }
    const by = circumstances({ traffic, chance: undefined })
    expect(arranged([a, b, c], 'fastest', by)[0]).toBe('b')
    busy.add('b')
    expect(arranged([a, b, c], 'fastest', by)).toEqual(['a', 'c', 'b'])
  })

  test('cheapest goes by what this request costs: long prompts and long answers may differ', () => {
    const list = [
      candidate('short', { input: '9', output: '1' }),
      candidate('long', { input: '1', output: '9' }),
    ]
    const ask = (input: number, output: number) =>
      arranged(list, 'cheapest', circumstances({ usage: textUsage(input, output) }))[0]
    expectShares(
      shares((turn) => [ask(turn, PICKS - turn) ?? '']),
      { short: 1 / 2, long: 1 / 2 },
    )
    expect([ask(1000, 10), ask(10, 1000)]).toEqual(['long', 'short'])
  })
})

const hashOf = (fields: object, account = 'anna'): number =>
  conversationHash({ account, model: 'm', body: { ...fields } })
const user = (content: unknown) => ({ role: 'user', content })

describe('a conversation', () => {
  const opening = [{ role: 'system', content: 'Be kind.' }, user('Hello')]

  test('is the same however long it becomes, and another for others', () => {
    const hash = hashOf({ messages: opening })
    const longer = [...opening, { role: 'assistant', content: 'Hi' }, user('And then?')]
    expect(hashOf({ messages: longer, temperature: 1 })).toBe(hash)
    expect(hashOf({ messages: [user([{ type: 'text', text: 'Hello' }])] })).toBe(
      hashOf({ messages: [user('Hello')] }),
    )
    const others = [
      hashOf({ messages: opening }, 'ben'),
      hashOf({ messages: [opening[0], user('Goodbye')] }),
      hashOf({ messages: [{ role: 'system', content: 'Be brief.' }, user('Hello')] }),
      hashOf({ messages: [user('Be kind.Hello')] }),
    ]
    expect(new Set([...others, hash]).size).toBe(5)
  })

  const place = (list: readonly Candidate[], strategy: Strategy, hash: number): string[] => {
    const order = [...list]
    keepTogether(order, strategy, hash)
    return ids(order)
  }
  const hashes = Array.from({ length: PICKS }, (_, count) =>
    hashOf({ messages: [user(`question ${count}`)] }),
  )

  test('has one place, whatever the order; all places have the same share of conversations', () => {
    expectShares(
      shares((turn) => place([a, b, c], 'round-robin', hashes[turn] ?? 0)),
      { a: 1 / 3, b: 1 / 3, c: 1 / 3 },
    )
    for (const hash of hashes.slice(0, 100)) {
      expect(place([c, a, b], 'least-busy', hash)).toEqual(place([a, b, c], 'round-robin', hash))
    }
  })

  test('weighs places where the strategy does', () => {
    const list = [candidate('a', { weight: 3 }), candidate('b')]
    expectShares(
      shares((turn) => place(list, 'weighted', hashes[turn] ?? 0)),
      { a: 3 / 4, b: 1 / 4 },
    )
  })

  test('moves only when its own place falls out, to the one that was second', () => {
    for (const hash of hashes.slice(0, 1000)) {
      const [first, second] = place([a, b, c], 'round-robin', hash)
      const left = place(
        [a, b, c].filter(({ deployment }) => deployment.id !== 'b'),
        'round-robin',
        hash,
      )
      expect(left[0]).toBe(first === 'b' ? second : first)
    }
  })

  test('chooses among the keys of the provider that priority, cheapest or fastest put first', () => {
    const key = (index: number) => candidate(`p#${index}`, { provider: 'p', keyIndex: index })
    const list = [key(0), key(1), a, key(2)]
    const firsts = shares((turn) => place(list, 'priority', hashes[turn] ?? 0))
    expectShares(firsts, { 'p#0': 1 / 3, 'p#1': 1 / 3, 'p#2': 1 / 3 })
    expect(place(list, 'cheapest', 1).at(-1)).toBe('a')
  })
})
