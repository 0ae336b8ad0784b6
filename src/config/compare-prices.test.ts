import { assert, expect, test } from 'vitest'
import { comparePrices, type KnownPrice, type PriceComparison } from './compare-prices.ts'
import { genaiPrices } from './genai-prices.ts'
import { loadGateway } from './load-gateway.ts'

function compared(model: string, known: KnownPrice | undefined): PriceComparison | undefined {
  const yaml = `
providers: [ { id: p, protocol: openai, base_url: "https://p.test/v1", api_keys: k } ]
models: [ { id: m, ${model}, deployments: [ { provider: p, model: up } ] } ]`
  const read = () => ({ kind: 'text', text: yaml }) as const
  const result = loadGateway({ env: {}, files: { read } })
  assert(result.ok)
  const asked = (baseUrl: string, name: string) =>
    baseUrl === 'https://p.test/v1' && name === 'up' ? known : undefined
  return comparePrices(result.gateway, asked)[0]
}

const KNOWN = { contextTokens: undefined, dearerAbove: undefined }

test('what the other list does not know is not held against us', () => {
  expect(compared('price: { input: 1, output: 2 }', undefined)?.verdict).toBe('unknown')
  const known = { ...KNOWN, rates: { input: 1 } }
  expect(compared('price: { input: 1, output: 2 }', known)?.verdict).toBe('same')
})

test('a price that is left to another one is compared as what it comes to', () => {
  const known = { ...KNOWN, rates: { input: 1, cachedInput: 0.1 } }
  expect(compared('price: { input: 1, output: 2 }', known)?.differences).toEqual([
    { what: 'cachedInput', ours: 1, theirs: 0.1 },
  ])
})

test('a context that reaches into a dearer range, or past the end, is a difference', () => {
  const differencesWith = (context: string, known: Partial<KnownPrice>): unknown =>
    compared(`price: { input: 1, output: 2 }${context}`, { ...KNOWN, rates: {}, ...known })
      ?.differences
  const tooLong = { what: 'contextTokens', ours: 300_000, theirs: 200_000 }
  expect(differencesWith(', context_tokens: 300000', { dearerAbove: 200_000 })).toEqual([tooLong])
  expect(differencesWith(', context_tokens: 300000', { contextTokens: 200_000 })).toEqual([tooLong])
  expect(differencesWith(', context_tokens: 200000', { dearerAbove: 200_000 })).toEqual([])
  expect(differencesWith('', { contextTokens: 200_000 })).toEqual([])
  expect(differencesWith('', { dearerAbove: 200_000 })).toHaveLength(1)
})

test('of prices that change with the hour the dearest is taken', async () => {
  const known = genaiPrices(
    await import('@pydantic/genai-prices'),
    new Date('2026-11-21T20:00:00Z'),
  )
  expect(known('https://api.deepseek.com/v1', 'deepseek-v4-flash')?.rates.input).toBe(0.44)
  expect(known('https://api.deepseek.com/v1', 'no-such-model')).toBeUndefined()
  expect(known('http://localhost:11434/v1', 'llama3.2')).toBeUndefined()
})
