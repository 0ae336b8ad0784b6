// The files that come with the gateway: config/gateway.yaml and .env.example.
import * as genai from '@pydantic/genai-prices'
import { assert, expect, test } from 'vitest'
import { comparePrices } from './compare-prices.ts'
import type { Environment, LoadedConfig } from './config.ts'
import { diskFiles } from './disk-files.ts'
import { readEnvFile } from './env-file.ts'
import { genaiPrices } from './genai-prices.ts'
import { loadConfig } from './load-config.ts'
import { loadGateway } from './load-gateway.ts'
import { formatProblem } from './problem.ts'

function loaded(env: Environment): Extract<LoadedConfig, { ok: true }> {
  const result = loadConfig({ env, files: diskFiles })
  assert(result.ok, result.ok ? '' : result.problems.map(formatProblem).join('\n'))
  return result
}

function textOf(path: string): string {
  const read = diskFiles.read(path)
  assert(read.kind === 'text')
  return read.text
}

const EXAMPLE = textOf('.env.example')
/** The gateway's own part; what docker-compose.prod.yml reads comes behind it. */
const OWN = EXAMPLE.split(/^# --- Containers/m)[0] ?? ''
const VARIABLES = Array.from(OWN.matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm), ([, name = '']) => name)

const EVERYTHING: Environment = Object.fromEntries(
  VARIABLES.flatMap((name) => {
    if (name.endsWith('_API_KEY'))
      return [[name, `${name.toLowerCase()}-1,${name.toLowerCase()}-2`]]
    return name.endsWith('_BASE_URL')
      ? [[name, `https://${name.toLowerCase().replaceAll('_', '-')}.test/v1`]]
      : []
  }),
)

test('gateway.yaml works without any variable: the demo model is on, and only it', () => {
  const { config } = loaded({})
  expect(config.models.map(({ id }) => id)).toEqual(['demo'])
})

test('.env.example works unedited', () => {
  expect(loaded(readEnvFile(EXAMPLE)).config).toEqual(loaded({}).config)
})

test('with every variable set, every provider and every model is on but the demo', () => {
  const { config, notices } = loaded(EVERYTHING)
  const gateway = loadGateway({ env: EVERYTHING, files: diskFiles })
  assert(gateway.ok)
  expect(notices.map(({ kind }) => kind)).toEqual(['demo_off'])
  expect(config.providers).toHaveLength(gateway.gateway.providers.length - 1)
  expect(config.models).toHaveLength(gateway.gateway.models.length - 1)
  for (const { id, baseUrl } of config.providers) {
    expect(baseUrl).toBe(`https://${id.replace('-', '_').replaceAll('_', '-')}-base-url.test/v1`)
  }
})

test('.env.example names every variable that the file and the loader ask for', () => {
  const asked = new Set<string>()
  const record = new Proxy<Environment>(
    {},
    {
      get: (_, name) => {
        if (typeof name === 'string') asked.add(name.replace(/_FILE$/, ''))
        return undefined
      },
    },
  )
  loaded(record)
  const aliases = ['API_GATEWAY_PORT', 'API_GATEWAY_HOST']
  expect([...asked].filter((name) => !aliases.includes(name)).toSorted()).toEqual(
    VARIABLES.toSorted(),
  )
})

test('gpt-4o is served by OpenAI, then the alternative, then OpenRouter, then by gpt-4o-mini', () => {
  const gpt4o = loaded(EVERYTHING).config.models.find(({ id }) => id === 'gpt-4o')
  expect(gpt4o?.deployments.map(({ id }) => id)).toEqual([
    'openai-original/gpt-4o',
    'openai-original/gpt-4o#2',
    'openai/gpt-4o',
    'openai/gpt-4o#2',
    'openrouter/openai/gpt-4o',
    'openrouter/openai/gpt-4o#2',
  ])
  expect(gpt4o?.fallbacks).toEqual(['gpt-4o-mini'])
})

test('the sections of gateway.yaml spell out the defaults and nothing else', () => {
  const bare = textOf('config/gateway.yaml').replace(/^accounting:[^]*?(?=^providers:)/m, '')
  const files = { read: () => ({ kind: 'text', text: bare }) as const }
  const result = loadConfig({ env: {}, files })
  assert(result.ok)
  expect(result.config).toEqual(loaded({}).config)
})

test('prices and context sizes agree with @pydantic/genai-prices wherever it knows the model', () => {
  const result = loadGateway({ env: {}, files: diskFiles })
  assert(result.ok)
  const comparisons = comparePrices(result.gateway, genaiPrices(genai, new Date('2026-11-21')))
  expect(comparisons.filter(({ verdict }) => verdict === 'different')).toEqual([])
  expect(
    comparisons.filter(({ verdict }) => verdict === 'unknown').map(({ deployment }) => deployment),
  ).toEqual([
    'demo/demo',
    'deepinfra/openai/gpt-oss-120b',
    'deepinfra/meta-llama/Llama-3.3-70B-Instruct-Turbo',
    'ollama/llama3.2',
    'vllm/Qwen/Qwen3-8B',
  ])
})
