import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFaultProvider, type FaultProvider } from './fault-provider/fault-provider.ts'
import { startGateway, userArgs, type GatewayProcess } from './support/gateway-process.ts'
import { ofKind, settledOf } from './support/journal.ts'
import { raw } from './support/raw.ts'
import { runScript } from './support/script.ts'

const config = (baseUrl: string): string => `
accounting: { credits_per_usd: 1000000, default_max_output: 100 }
tiers:
  free: { requests_per_minute: 0 }
providers:
  - { id: many, protocol: openai, base_url: "${baseUrl}", api_keys: "first,second,third" }
  - { id: solo, protocol: openai, base_url: "${baseUrl}", api_keys: alone }
models:
  - id: talk
    price: { input: 2, output: 8 }
    deployments:
      - { provider: many, model: "answer?chunks=3" }
  - id: turns
    price: { input: 2, output: 8 }
    strategy: round-robin
    deployments:
      - { provider: many, model: "answer?chunks=1" }
      - { provider: solo, model: "answer?chunks=1", priority: 1 }
  - id: pair
    price: { input: 2, output: 8 }
    strategy: weighted
    affinity: true
    deployments:
      - { provider: solo, model: "answer?status=500", weight: 2 }
      - { provider: solo, model: "answer?chunks=1" }
  - id: failing
    price: { input: 1, output: 1 }
    deployments:
      - { provider: solo, model: "answer?status=503" }
    fallbacks: [open/answer]
  - id: open/*
    price: { input: 30, output: 90 }
    deployments:
      - { provider: solo, model: "*" }
  - id: gone/*
    price: free
    deployments:
      - { provider: solo, model: "answer?status=404&name=*" }
  - id: down/*
    price: free
    deployments:
      - { provider: solo, model: "answer?status=404&name=*" }
      - { provider: solo, model: "answer?status=500&name=*" }
  - id: open/answer-free
    price: free
    deployments:
      - { provider: solo, model: "answer?chunks=2" }
aliases: { talk-latest: talk, best: open/answer }
`

let upstream: FaultProvider
let gateway: GatewayProcess

beforeAll(async () => {
  upstream = await startFaultProvider()
  gateway = await startGateway({ config: config(upstream.baseUrl) })
})
afterAll(async () => {
  await gateway.close()
  await upstream.close()
})

let accounts = 0

async function clientFor(...models: string[]): Promise<OpenAI> {
  const args = userArgs(`user${accounts++}`, '1000000')
  const { key } = await gateway.issue(
    models.length === 0 ? args : [...args, '--models', models.join(',')],
  )
  return new OpenAI({ apiKey: key, baseURL: `${gateway.url}/v1`, maxRetries: 0 })
}

const said = (content: string) => [{ role: 'user' as const, content }]

/** The upstream's calls of one request, in their order. */
async function callsOf(ask: () => Promise<unknown>) {
  const before = upstream.journal.length
  await ask()
  return upstream.journal.slice(before)
}

describe('a conversation', () => {
  test('stays with one key of its provider, and all keys have some', async () => {
    const client = await clientFor()
    const used = new Set<string | undefined>()
    for (let count = 0; count < 12; count++) {
      const opening = said(`Question ${count}`)
      const ask = (...more: OpenAI.ChatCompletionMessageParam[]) =>
        client.chat.completions.create({ model: 'talk', messages: [...opening, ...more] })
      const calls = await callsOf(async () => {
        await ask()
        await ask({ role: 'assistant', content: 'An answer' }, ...said(`And ${Math.random()}?`))
      })
      const keys = new Set(calls.map(({ authorization }) => authorization))
      expect([calls.length, keys.size]).toEqual([2, 1])
      for (const key of keys) used.add(key)
    }
    expect(used.size).toBe(3)
  })

  test('is answered elsewhere when its deployment fails', async () => {
    const client = await clientFor()
    const moved = []
    // Each of the two gets its share of conversations: whichever these begin with, some of them are of the first.
    for (let count = 0; moved.length < 2; count++) {
      const ask = () =>
        client.chat.completions.create({ model: 'pair', messages: said(`Question ${count}`) })
      const models = (await callsOf(ask)).map(({ model }) => model)
      if (models.length === 2) moved.push(models)
      else expect(models).toEqual(['answer?chunks=1'])
    }
    for (const models of moved) expect(models).toEqual(['answer?status=500', 'answer?chunks=1'])
  })
})

test('round-robin asks the keys of a priority one after the other, and no other priority', async () => {
  const client = await clientFor()
  const calls = await callsOf(async () => {
    for (let count = 0; count < 6; count++) {
      await client.chat.completions.create({ model: 'turns', messages: said('Hello') })
    }
  })
  const keys = calls.map(({ authorization }) => authorization)
  expect(new Set(keys).size).toBe(3)
  expect(keys.slice(3)).toEqual(keys.slice(0, 3))
})

describe('an alias', () => {
  test('is listed, answers under its own name, and is billed as its target', async () => {
    const client = await clientFor('talk')
    const names = (await client.models.list()).data.map(({ id }) => id)
    expect(names).toEqual(['talk', 'talk-latest'])
    expect((await client.models.retrieve('talk-latest')).id).toBe('talk-latest')
    const { data, response } = await client.chat.completions
      .create({ model: 'talk-latest', messages: said('Hello') })
      .withResponse()
    expect(data.model).toBe('talk-latest')
    const id = response.headers.get('x-request-id') ?? ''
    expect(settledOf(gateway.dir, id)).toMatchObject({ model: 'talk', outcome: 'finished' })
    expect(ofKind(gateway.dir, 'hold').find(({ ref }) => ref === id)).toMatchObject({
      model: 'talk',
    })
  })

  test('is the model of each chunk of a stream', async () => {
    const client = await clientFor()
    const stream = await client.chat.completions.create({
      ...{ model: 'talk-latest', messages: said('Hello'), stream: true },
      stream_options: { include_usage: true },
    })
    const models = new Set<string>()
    let text = ''
    for await (const chunk of stream) {
      models.add(chunk.model)
      text += chunk.choices[0]?.delta.content ?? ''
    }
    expect([...models]).toEqual(['talk-latest'])
    expect(text).toContain('word2')
  })

  test('that a key is limited to gives it no other name of the model', async () => {
    const client = await clientFor('talk-latest')
    const ask = (model: string) => client.chat.completions.create({ model, messages: said('Hi') })
    expect((await ask('talk-latest')).model).toBe('talk-latest')
    await expect(ask('talk')).rejects.toMatchObject({ status: 403 })
  })
})

describe('a wildcard', () => {
  test('passes on what its star stands for, at its price, and is not listed', async () => {
    const client = await clientFor('open/*')
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual([
      'open/answer-free',
      'best',
    ])
    expect((await client.models.retrieve('open/answer')).id).toBe('open/answer')
    const calls = await callsOf(async () => {
      const { data, response } = await client.chat.completions
        .create({ model: 'open/answer', messages: said('Hello') })
        .withResponse()
      const { prompt_tokens: input, completion_tokens: output } = data.usage ?? {}
      const record = settledOf(gateway.dir, response.headers.get('x-request-id') ?? '')
      expect(record).toMatchObject({
        ...{ model: 'open/answer', deployment: 'solo/answer' },
        cost: String(((input ?? 0) * 30 + (output ?? 0) * 90) * 1_000_000),
      })
    })
    expect(calls.map(({ model }) => model)).toEqual(['answer'])
  })

  test('does not stand in front of a name that is written out', async () => {
    const client = await clientFor()
    const calls = await callsOf(() =>
      client.chat.completions.create({ model: 'open/answer-free', messages: said('Hello') }),
    )
    expect(calls.map(({ model }) => model)).toEqual(['answer?chunks=2'])
  })

  test('does not answer to what is no name, nor a key to what it is not limited to', async () => {
    const client = await clientFor('open/*')
    const ask = (model: string) => client.chat.completions.create({ model, messages: said('Hi') })
    await expect(ask('open/a b')).rejects.toMatchObject({ status: 404 })
    await expect(ask('open/*')).rejects.toMatchObject({ status: 404 })
    await expect(ask('talk')).rejects.toMatchObject({ status: 403 })
  })

  test.each([true, false])(
    'for whose name no provider has a model is a mistake of the caller (stream: %s)',
    async (stream) => {
      const client = await clientFor()
      const ask = (model: string) =>
        client.chat.completions.create({ model, messages: said('Hi'), stream })
      const refusal = { status: 404, code: 'model_not_found', param: 'model' }
      await expect(ask('gone/nobody-has-it')).rejects.toMatchObject(refusal)
      await expect(ask('down/nobody-has-it')).rejects.toMatchObject({ status: 503 })
    },
  )

  test('that is a fallback is covered by the hold', async () => {
    const client = await clientFor()
    const { response } = await client.chat.completions
      .create({ model: 'failing', messages: said('Hello'), max_completion_tokens: 50 })
      .withResponse()
    const id = response.headers.get('x-request-id') ?? ''
    const record = settledOf(gateway.dir, id)
    const hold = ofKind(gateway.dir, 'hold').find(({ ref }) => ref === id)
    expect(record).toMatchObject({ model: 'open/answer', amount: record['cost'] })
    expect(BigInt(String(hold?.['amount']))).toBeGreaterThanOrEqual(50n * 90n * 1_000_000n)
    expect(ofKind(gateway.dir, 'overrun')).toEqual([])
  })
})

describe('explaining a route', () => {
  const explain = async (path: string, key = gateway.adminKey) => {
    const { status, body } = await raw({ url: gateway.url, key, method: 'GET', path })
    return { status, body: JSON.parse(body) as Record<string, unknown> }
  }

  test('shows the order with the reason for each place, and who is left out', async () => {
    const { body } = await explain('/admin/routes/turns')
    expect(body).toMatchObject({ strategy: 'round-robin', affinity: false, attempts_max: 3 })
    const reasons = (list: unknown) => (list as { reason: string }[]).map(({ reason }) => reason)
    expect(reasons(body['order'])).toEqual(Array(3).fill('priority 0; in turn'))
    expect(reasons(body['left_out'])).toEqual([
      'behind the 3 attempts that a request may have (limits.attempts_max)',
    ])
  })

  test.each(['/admin/routes/open/answer', '/admin/routes/open%2Fanswer'])(
    'knows %s, whose id has a slash',
    async (path) => {
      const { body } = await explain(path)
      expect(body['order']).toMatchObject([{ deployment: 'solo/answer', place: 1 }])
    },
  )

  test('is for admins, and for models that exist', async () => {
    const client = await clientFor()
    expect((await explain('/admin/routes/talk', String(client.apiKey))).status).toBe(403)
    expect((await explain('/admin/routes/nothing')).status).toBe(404)
    expect((await explain('/admin/routes/talk?key=nobody')).status).toBe(404)
  })

  test('on the command line is the same, from the running server or from the configuration', async () => {
    const { keyId } = await gateway.issue([...userArgs('limited', '10'), '--models', 'talk'])
    const run = (...args: string[]) =>
      runScript('routes', ['explain', ...args], { dir: gateway.dir })
    const page = await run('talk-latest', '--key', keyId)
    expect(page).toMatchObject({ code: 0, stderr: '' })
    expect(page.stdout).toContain('talk-latest is talk: priority, with affinity')
    expect(page.stdout).toContain(`Key ${keyId} of limited may use it.`)
    expect(page.stdout).toContain('1. many/answer?chunks=3  as listed; each conversation stays')
    const json = await run('pair', '--json', '--key', keyId)
    const live = JSON.parse(json.stdout) as Record<string, unknown>
    expect(live).toMatchObject({ is_live: true, key: { may_use: false } })
    const alone = await runScript('routes', ['explain', 'pair', '--json', '--db', 'elsewhere'], {
      dir: gateway.dir,
    })
    expect(JSON.parse(alone.stdout)).toMatchObject({
      is_live: false,
      order: [{ weight: 2, reason: expect.stringContaining('weight 2 of 3') as string }, {}],
    })
    expect(await run('nothing')).toMatchObject({ code: 1, stdout: '' })
  })
})
