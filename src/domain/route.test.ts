import { describe, expect, test } from 'vitest'
import type { Deployment, Model } from './model.ts'
import { priceFrom } from './price.ts'
import { routesOf } from './route.ts'

const price = priceFrom({ input: '1' }, { creditsPerUsd: '1', markup: '0' }, 'v')

const deployment = (id: string): Deployment => ({
  id,
  provider: 'p',
  keyIndex: 0,
  upstreamModel: 'm',
  priority: 0,
  weight: 1,
  price,
  timeouts: { connectMs: 1, firstByteMs: 1, idleMs: 1, totalMs: 1 },
  concurrencyMax: Infinity,
  repair: false,
  capField: 'max_tokens',
  stripFields: [],
})

const model = (id: string, fallbacks: readonly string[] = []): Model => ({
  id,
  ownedBy: 'o',
  price,
  maxOutput: 1,
  defaultMaxOutput: 1,
  contextTokens: undefined,
  imageTokensMax: 0,
  serviceTiers: {},
  deployments: [deployment(`${id}/1`), deployment(`${id}/2`)],
  fallbacks,
})

const candidatesOf = (models: readonly Model[], id: string) =>
  routesOf(models)
    .get(id)
    ?.candidates.map((one) => [one.deployment.id, one.model.id])

describe('a route', () => {
  test('tries the model’s own deployments as listed, then each fallback’s, at the fallback’s price', () => {
    expect(candidatesOf([model('c'), model('a', ['b', 'c']), model('b')], 'a')).toEqual([
      ['a/1', 'a'],
      ['a/2', 'a'],
      ['b/1', 'b'],
      ['b/2', 'b'],
      ['c/1', 'c'],
      ['c/2', 'c'],
    ])
  })

  test('does not follow the fallbacks of a fallback', () => {
    expect(candidatesOf([model('a', ['b']), model('b', ['a'])], 'a')).toHaveLength(4)
  })

  test('leaves out a fallback that is off', () => {
    expect(candidatesOf([model('a', ['gone'])], 'a')).toHaveLength(2)
  })

  test('of an unknown model does not exist', () => {
    expect(candidatesOf([model('a')], 'constructor')).toBeUndefined()
  })
})
