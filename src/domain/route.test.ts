import { describe, expect, test } from 'vitest'
import type { Deployment, Model } from './model.ts'
import { priceFrom } from './price.ts'
import type { KeyRecord } from './key.ts'
import { routeFor } from './route.ts'
import { Routes } from './routes.ts'

const price = priceFrom({ input: '1' }, { creditsPerUsd: '1', markup: '0' }, 'v')
const dear = priceFrom({ input: '9' }, { creditsPerUsd: '1', markup: '0' }, 'w')

const deployment = (upstreamModel: string, more: Partial<Deployment> = {}): Deployment => ({
  id: `p/${upstreamModel}`,
  provider: 'p',
  keyIndex: 0,
  upstreamModel,
  priority: 0,
  weight: 1,
  price,
  timeouts: { connectMs: 1, firstByteMs: 1, idleMs: 1, totalMs: 1, wholeMs: 1 },
  concurrencyMax: Infinity,
  repair: false,
  capField: 'max_tokens',
  stripFields: [],
  ...more,
})

const model = (id: string, more: Partial<Model> = {}): Model => ({
  id,
  ownedBy: 'o',
  price,
  maxOutput: 1,
  defaultMaxOutput: 1,
  contextTokens: undefined,
  imageTokensMax: 0,
  serviceTiers: {},
  strategy: 'priority',
  affinity: false,
  deployments: [deployment(`${id}-1`), deployment(`${id}-2`)],
  fallbacks: [],
  limits: {},
  ...more,
})

const routes = (models: readonly Model[], aliases: Record<string, string> = {}): Routes =>
  new Routes(models, new Map(Object.entries(aliases)))

const candidatesOf = (found: Routes, name: string) =>
  found
    .find(name)
    ?.stages.flatMap(({ groups }) => groups.flat())
    .map((one) => [one.deployment.id, one.model.id])

const keyFor = (models?: readonly string[]): KeyRecord => ({
  ...{ id: 'k', hash: '', hint: '', account: 'ann', role: 'user', createdAt: 0 },
  ...(models !== undefined && { models }),
})

describe('a route', () => {
  test('has for a key that is limited to models no fallback that it may not ask for, nor its price', () => {
    const models = [model('a', { fallbacks: ['b', 'c'] }), model('b', { price: dear }), model('c')]
    const route = routes(models).find('a')
    if (route === undefined) throw new Error('no route')
    const answering = (...allowed: string[]) =>
      routeFor(keyFor(allowed), route).stages.map((stage) => stage.model.id)
    expect([answering('a'), answering('a', 'c'), answering('*')]).toEqual([
      ...[['a'], ['a', 'c'], ['a', 'b', 'c']],
    ])
    expect(routeFor(keyFor(), route)).toBe(route)
    expect(routeFor(keyFor(['a']), route).bounds.length).toBe(1)
  })

  test('tries the model’s own deployments as listed, then each fallback’s, at the fallback’s price', () => {
    const models = [model('c'), model('a', { fallbacks: ['b', 'c'] }), model('b')]
    expect(candidatesOf(routes(models), 'a')).toEqual([
      ['p/a-1', 'a'],
      ['p/a-2', 'a'],
      ['p/b-1', 'b'],
      ['p/b-2', 'b'],
      ['p/c-1', 'c'],
      ['p/c-2', 'c'],
    ])
  })

  test('keeps priorities apart', () => {
    const deployments = [deployment('x'), deployment('y'), deployment('z', { priority: 7 })]
    const [stage] = routes([model('a', { deployments })]).find('a')?.stages ?? []
    expect(stage?.groups.map((group) => group.length)).toEqual([2, 1])
  })

  test('does not follow the fallbacks of a fallback', () => {
    const models = [model('a', { fallbacks: ['b'] }), model('b', { fallbacks: ['a'] })]
    expect(candidatesOf(routes(models), 'a')).toHaveLength(4)
  })

  test('leaves out a fallback that is off', () => {
    expect(candidatesOf(routes([model('a', { fallbacks: ['gone'] })]), 'a')).toHaveLength(2)
  })

  test('of an unknown model does not exist', () => {
    expect(candidatesOf(routes([model('a')]), 'constructor')).toBeUndefined()
  })
})

describe('an alias', () => {
  const known = routes([model('a', { fallbacks: ['b'] }), model('b')], { latest: 'a', best: 'o' })

  test('is the route of its target, with the name that was asked for written into the answers', () => {
    expect(candidatesOf(known, 'latest')).toEqual(candidatesOf(known, 'a'))
    const { model: target, stages } = known.find('latest') ?? {}
    expect(target?.id).toBe('a')
    const deployments = (stages ?? []).flatMap(({ groups }) => groups.flat())
    expect(deployments.every((one) => one.deployment.repair)).toBe(true)
  })

  test('is listed under its own name, unless its target is off', () => {
    expect(known.listed.map(({ name, model: { id } }) => [name, id])).toEqual([
      ['a', 'a'],
      ['b', 'b'],
      ['latest', 'a'],
    ])
    expect(known.find('best')).toBeUndefined()
  })
})

describe('a wildcard', () => {
  const wild = (id: string, upstream: string, more: Partial<Model> = {}) =>
    model(id, { deployments: [deployment(upstream)], ...more })
  const known = routes([
    wild('or/*', '*', { fallbacks: ['a'] }),
    wild('or/meta/*', 'llama-*'),
    model('or/meta/exact'),
    model('a', { fallbacks: ['or/some'], deployments: [deployment('a', { price: dear })] }),
  ])

  test('passes on what its star stands for, as a model of its own', () => {
    expect(candidatesOf(known, 'or/open/one:free')?.[0]).toEqual([
      'p/open/one:free',
      'or/open/one:free',
    ])
    const [stage] = known.find('or/open/one:free')?.stages ?? []
    expect(stage?.groups[0]?.[0]?.deployment.upstreamModel).toBe('open/one:free')
  })

  test('of two the longer counts, and a name that is written out counts before both', () => {
    expect(candidatesOf(known, 'or/meta/8b')).toEqual([['p/llama-8b', 'or/meta/8b']])
    expect(candidatesOf(known, 'or/meta/exact')?.[0]).toEqual([
      'p/or/meta/exact-1',
      'or/meta/exact',
    ])
  })

  test('has fallbacks and is one, and the hold covers their prices', () => {
    expect(candidatesOf(known, 'or/x')?.slice(1)).toEqual([['p/a', 'a']])
    expect(known.find('or/x')?.bounds.map((bound) => bound.price)).toEqual([price, dear])
    expect(candidatesOf(known, 'a')?.at(-1)).toEqual(['p/some', 'or/some'])
  })

  test.each([
    ...['or/', 'or/*', 'or/a b', 'or/\n', 'or/é', `or/${'x'.repeat(200)}`, 'other'],
    ...['or/open/one:online', 'or/open/one:ONLINE:free', 'or/meta/8b:free:online'],
  ])('does not answer to %j', (name) => {
    expect(known.find(name)).toBeUndefined()
  })

  test('searches the web where that is written out, with its price', () => {
    const written = routes([wild('or/*', '*'), model('or/one:online')])
    expect(candidatesOf(written, 'or/one:online')?.[0]?.[1]).toBe('or/one:online')
  })

  test('keeps a bounded number of the names that callers make up', () => {
    const first = known.find('or/first')
    expect(known.find('or/first')).toBe(first)
    for (let count = 0; count < 1_000; count++) known.find(`or/made-up-${count}`)
    expect(known.find('or/first')).not.toBe(first)
    expect(candidatesOf(known, 'or/first')?.[0]).toEqual(['p/first', 'or/first'])
  })

  test.each([
    ['or/*', true],
    ['or/meta/llama*', true],
    ['o*', true],
    ['or/anything', true],
    ['a', true],
    ['x*', false],
    ['b', false],
  ])('a key may be limited to %s: %s', (name, isOffered) => {
    expect(known.offers(name)).toBe(isOffered)
  })
})
