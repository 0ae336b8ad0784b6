// Limits as callers meet them: over real HTTP, many at a time.
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type House } from './support/house.ts'
import { chat, raw, type RawAnswer } from './support/raw.ts'
import { runScript } from './support/script.ts'

const TIERS = `tiers:
  free: { requests_per_minute: 0 }
  minute: { requests_per_minute: 7 }
  day: { requests_per_minute: 0, requests_per_day: 3 }
  tokens: { requests_per_minute: 0, tokens_per_minute: 1000 }
  token_day: { requests_per_minute: 0, tokens_per_day: 100 }
  spend: { requests_per_minute: 0, spend_per_day: 2000 }
  both: { requests_per_minute: 2, tokens_per_minute: 700 }
  few: { requests_per_minute: 0, concurrent_requests: 4 }
limits: { key_in_flight_max: 0, account_in_flight_max: 0 }
`
const MODELS = {
  ...{ slow: ['answer?delay=600&chunks=2'], words: ['answer?chunks=2'] },
  ...{ down: ['status?status=500'], scarce: ['answer?chunks=2'] },
  dripping: ['answer?every=250&chunks=24'],
  ...{ waiting: ['answer?held&chunks=2'], gone: ['answer?status=500'] },
}

let house: House
beforeAll(async () => {
  house = await openHouse(MODELS, TIERS)
})
afterAll(async () => {
  await house.gateway.stop() // the one that was started again
  await house.close()
})

let accounts = 0
async function keyOf(tier: string, account = `${tier}${accounts++}`): Promise<string> {
  return issue({ account, tier, credits: '1000000' })
}

async function issue(wish: object): Promise<string> {
  const { body } = await raw({
    ...{ url: house.gateway.url, key: house.gateway.adminKey, path: '/admin/keys' },
    body: JSON.stringify({ type: 'user', ...wish }),
  })
  return (JSON.parse(body) as { key: string }).key
}

const ask = (key: string, model = 'words', more: object = {}): Promise<RawAnswer> =>
  raw({ url: house.gateway.url, key, body: chat(model, more) })

const many = (keys: readonly string[], model: string): Promise<RawAnswer[]> =>
  Promise.all(Array.from({ length: 200 }, (_, at) => ask(keys[at % keys.length] ?? '', model)))

const passed = (answers: readonly RawAnswer[]) => answers.filter(({ status }) => status === 200)
const refused = (answers: readonly RawAnswer[]) => answers.filter(({ status }) => status !== 200)
const inSeconds = () => Date.now() / 1_000

test('of 200 requests at once exactly as many pass as the tier allows a minute, over all keys of the account', async () => {
  const [first, other] = [await keyOf('minute', 'twokeys'), await keyOf('minute')]
  const second = await keyOf('minute', 'twokeys')
  const [mine, theirs] = await Promise.all([many([first, second], 'words'), ask(other)])
  expect(passed(mine)).toHaveLength(7)
  expect(theirs.status).toBe(200)
  for (const { status, headers, body } of refused(mine)) {
    expect(status).toBe(429)
    const { error } = JSON.parse(body) as { error: { message: string } }
    expect(error).toMatchObject({ type: 'rate_limit_error', code: 'rate_limit_exceeded' })
    expect(error.message).toContain('Your account may make 7 requests a minute. Try again in')
    const waitSeconds = Number(headers['retry-after-ms']) / 1_000
    expect(waitSeconds).toBeGreaterThan(30)
    expect(waitSeconds).toBeLessThanOrEqual(60)
    expect(headers).toMatchObject({ 'x-ratelimit-limit': '7', 'x-ratelimit-remaining': '0' })
    expect(Math.abs(Number(headers['x-ratelimit-reset']) - inSeconds() - waitSeconds)).toBeLessThan(
      20,
    )
  }
})

test('each answer says how the limits stand, in both ways of saying it', async () => {
  const key = await keyOf('minute')
  const [first, second] = [await ask(key), await ask(key, 'words', { stream: true })]
  expect(first.headers).toMatchObject({
    ...{ 'x-ratelimit-limit': '7', 'x-ratelimit-remaining': '6' },
    ...{ 'x-ratelimit-limit-requests': '7', 'x-ratelimit-remaining-requests': '6' },
    'x-ratelimit-reset-requests': '1m0s',
  })
  expect(Number(first.headers['x-ratelimit-reset'])).toBeGreaterThan(inSeconds() + 30)
  expect(second.headers).toMatchObject({ 'x-ratelimit-remaining': '5' })
  expect(Object.keys((await ask(await keyOf('free'))).headers).join()).not.toContain('ratelimit')
})

const DURATION = /^(?:[0-9]+h)?(?:[0-9]+m)?[0-9]+m?s$/

/** A duration as OpenAI writes it, in milliseconds. */
function millisOf(text: string): number {
  expect(text).toMatch(DURATION)
  const [, hours = 0, minutes = 0, count = 0, unit] =
    /^(?:([0-9]+)h)?(?:([0-9]+)m(?!s))?([0-9]+)(m?s)$/.exec(text) ?? []
  const last = Number(count) * (unit === 'ms' ? 1 : 1_000)
  return Number(hours) * 3_600_000 + Number(minutes) * 60_000 + last
}

test.each([false, true])(
  'both ways of saying how the limits stand agree, on an answer and on a refusal (streamed: %s)',
  async (stream) => {
    const key = await keyOf('both')
    const answers = [await ask(key, 'words', { stream }), await ask(key, 'words', { stream })]
    const refusals = [
      await ask(key, 'words', { stream }),
      await ask(await keyOf('both'), 'words', { stream, max_tokens: 900 }),
    ]
    for (const [at, { status, headers }] of [...answers, ...refusals].entries()) {
      const head = (name: string) => String(headers[`x-ratelimit-${name}`])
      const isAboutTokens = at === 3
      expect(status).toBe(at < 2 ? 200 : 429)
      expect([head('limit-requests'), head('limit-tokens')]).toEqual(['2', '700'])
      expect(head('remaining-requests')).toBe(['1', '0', '0', '2'][at])
      const [limit, of] = isAboutTokens ? ['700', 'tokens'] : ['2', 'requests']
      expect([head('limit'), head('remaining')]).toEqual([limit, head(`remaining-${of}`)])
      expect(Number(head('remaining-tokens'))).toBeLessThanOrEqual(700)
      // Seconds since 1970, of the same moment as the duration.
      const resetMs = millisOf(head(`reset-${of}`))
      expect(Math.abs(Number(head('reset')) * 1_000 - (Date.now() + resetMs))).toBeLessThan(15_000)
      expect(millisOf(head('reset-tokens'))).toBeLessThanOrEqual(60_250)
      if (at === 2) {
        const waitMs = Number(headers['retry-after-ms'])
        expect(Number(headers['retry-after'])).toBe(Math.ceil(waitMs / 1_000))
        expect(Math.abs(waitMs - resetMs)).toBeLessThan(1_001)
      }
    }
  },
)

test('tokens are counted at their most while a request runs, and then as they were', async () => {
  const key = await keyOf('tokens')
  const before = await ask(key, 'words')
  const most = 1000 - Number(before.headers['x-ratelimit-remaining-tokens'])
  const used = (JSON.parse(before.body) as { usage: { total_tokens: number } }).usage.total_tokens
  expect(most).toBeGreaterThan(used)
  const answers = await many([key], 'slow')
  expect(passed(answers)).toHaveLength(Math.floor((1000 - used) / most))
  for (const { headers, body } of refused(answers)) {
    expect(headers['x-ratelimit-limit-tokens']).toBe('1000')
    expect(body).toContain(`this request could take ${most}.`)
  }
  const after = await ask(key, 'words')
  const left = 1000 - used * (passed(answers).length + 1) - most
  expect(after.headers['x-ratelimit-remaining-tokens']).toBe(String(left))
})

test('of a stream that its caller left, what was delivered counts, and not what it could have taken', async () => {
  const key = await keyOf('tokens')
  const caller = new AbortController()
  const answer = await fetch(`${house.gateway.url}/v1/chat/completions`, {
    ...{ method: 'POST', body: chat('dripping', { stream: true }), signal: caller.signal },
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  })
  const standing = async () => (await accountOf(key)).limits['tokens_per_minute']
  const most = 1000 - Number(answer.headers.get('x-ratelimit-remaining-tokens'))
  expect(await standing()).toMatchObject({ used: most, remaining: 1000 - most })
  await answer.body?.getReader().read()
  caller.abort()
  const id = String(answer.headers.get('x-request-id'))
  type Receipt = { state: string; outcome: string; tokens: Record<string, number> }
  const receipt = async () => {
    const path = `/v1/receipts/${id}`
    const { body } = await raw({ url: house.gateway.url, key, method: 'GET', path })
    return JSON.parse(body) as Receipt
  }
  await expect.poll(receipt).toMatchObject({ outcome: 'aborted' })
  const { tokens } = await receipt()
  const used = Object.values(tokens).reduce((sum, count) => sum + count, 0)
  expect(used).toBeGreaterThan(0)
  expect(used).toBeLessThan(most)
  expect(await standing()).toMatchObject({ used, remaining: 1000 - used })
})

test('a request that could never fit is told so, and the SDKs are told not to repeat it', async () => {
  const { status, headers, body } = await ask(await keyOf('tokens'), 'words', { max_tokens: 2000 })
  expect(status).toBe(429)
  expect(headers['x-should-retry']).toBe('false')
  expect(headers['retry-after']).toBeUndefined()
  expect(body).toContain('ask for a smaller max_tokens')
})

test('the answers that are running never cost more together than may be spent', async () => {
  const key = await keyOf('spend')
  const [first] = refused(await many([key], 'slow'))
  const [, left = '', cost = ''] =
    /; ([0-9.]+) are left, and this request could cost ([0-9.]+)\./.exec(first?.body ?? '') ?? []
  expect(Number(cost)).toBeGreaterThan(800)
  expect(Number(left)).toBeLessThan(Number(cost))
  const held = (2000 - Number(left)) / Number(cost)
  expect(held).toBe(2)
  expect(first?.headers).toMatchObject({ 'x-ratelimit-limit': '2000', 'retry-after': '1' })
  expect((await ask(key)).status).toBe(200) // they cost less, so there is room again
})

test('a tier says how many requests an account may have at a time', async () => {
  const answers = await many([await keyOf('few')], 'slow')
  expect(passed(answers)).toHaveLength(4)
  for (const { headers } of refused(answers)) {
    expect(headers).toMatchObject({ 'x-ratelimit-limit': '4', 'x-ratelimit-remaining': '0' })
  }
})

test('what is refused for another reason does not count, and what its providers failed does', async () => {
  const key = await keyOf('minute')
  const poor = await issue({ account: 'poor', tier: 'minute', credits: '1' })
  for (let count = 0; count < 9; count++) {
    expect((await ask(key, 'none')).status).toBe(404)
    expect((await ask(key, 'words', { n: -1 })).status).toBe(400)
    expect((await ask(poor)).status).toBe(402)
  }
  expect((await ask(key)).headers['x-ratelimit-remaining']).toBe('6')
  const failed = await ask(key, 'down')
  expect(failed.status).toBeGreaterThanOrEqual(500)
  expect(failed.headers['x-ratelimit-remaining']).toBe('5')
})

test('a repeat under the same idempotency key counts once', async () => {
  const key = await keyOf('minute')
  const once = { url: house.gateway.url, key, body: chat('words') }
  const headers = { 'idempotency-key': 'the same' }
  const [first, again] = [await raw({ ...once, headers }), await raw({ ...once, headers })]
  expect(again.body).toBe(first.body)
  expect(first.headers['x-ratelimit-remaining']).toBe('6')
  expect(again.headers['x-ratelimit-remaining']).toBeUndefined()
  expect((await ask(key)).headers['x-ratelimit-remaining']).toBe('5')
})

test('limits change while the gateway runs, and what was counted stays', async () => {
  const key = await keyOf('minute')
  expect(passed(await many([key], 'words'))).toHaveLength(7)
  const file = path.join(house.gateway.dir, 'gateway.yaml')
  const text = fs.readFileSync(file, 'utf8')
  fs.writeFileSync(file, text.replace('requests_per_minute: 7', 'requests_per_minute: 9'))
  await expect.poll(async () => (await ask(key)).headers['x-ratelimit-limit']).toBe('9')
  const more = await many([key], 'words')
  expect(passed(more)).toHaveLength(1)
  fs.writeFileSync(file, text)
})

type Told = Readonly<
  Record<
    string,
    { limit: number | string; used: number | string; remaining: number | string; resets_at: string }
  >
>

async function accountOf(
  key: string,
): Promise<{ limits: Told; key: { id: string; limits: Told } }> {
  const { body } = await raw({ url: house.gateway.url, key, method: 'GET', path: '/v1/account' })
  return JSON.parse(body) as { limits: Told; key: { id: string; limits: Told } }
}

const patch = (path: string, body: object): Promise<RawAnswer> =>
  raw({
    ...{ url: house.gateway.url, key: house.gateway.adminKey, method: 'PATCH', path },
    body: JSON.stringify(body),
  })

test('an account and a key have limits of their own, changed at any time, and see what is left of them', async () => {
  const [key, other] = [await keyOf('minute', 'own'), await keyOf('minute', 'own')]
  const { id } = (await accountOf(key)).key
  const limits = { requests_per_minute: 6, spend_per_month: '50000' }
  expect((await patch('/admin/accounts/own', { limits })).status).toBe(200)
  expect((await patch(`/admin/keys/${id}`, { limits: { requests_per_minute: 2 } })).status).toBe(
    200,
  )
  const answers = await many([key], 'words')
  expect(passed(answers)).toHaveLength(2)
  expect(refused(answers)[0]?.body).toContain('Your key may make 2 requests a minute.')
  expect(passed(await many([other], 'words'))).toHaveLength(4)
  const told = await accountOf(key)
  expect(told.limits).toMatchObject({ requests_per_minute: { limit: 6, remaining: 0 } })
  expect(told.limits['spend_per_month']).toMatchObject({ limit: '50000' })
  expect(Number(told.limits['spend_per_month']?.remaining)).toBeLessThan(50_000)
  expect(told.key.limits).toMatchObject({ requests_per_minute: { limit: 2, remaining: 0 } })
  expect(Date.parse(told.limits['requests_per_minute']?.resets_at ?? '')).toBeGreaterThan(
    Date.now(),
  )
  const unlimited = { limits: { requests_per_minute: 0 } }
  for (const path of ['/admin/accounts/own', `/admin/keys/${id}`]) await patch(path, unlimited)
  expect(passed(await many([key, other], 'words'))).toHaveLength(200)
})

test('a cap that was lifted and is set again counts what was spent meanwhile, by its account and by its key', async () => {
  const key = await keyOf('free', 'lifted')
  const { id } = (await accountOf(key)).key
  const caps = { spend_per_month: '90000', requests_per_day: 100 }
  const set = async (limits: object) => {
    await patch('/admin/accounts/lifted', { limits })
    await patch(`/admin/keys/${id}`, { limits })
  }
  await set(caps)
  const cost = Number((await ask(key)).headers['x-tollgate-cost'])
  await set({})
  for (let count = 0; count < 2; count++) expect((await ask(key)).status).toBe(200)
  await set(caps)
  const told = await accountOf(key)
  for (const { spend_per_month: spend, requests_per_day: requests } of [
    told.limits,
    told.key.limits,
  ]) {
    expect(spend?.remaining).toBe(String(90_000 - 3 * cost))
    expect(requests?.remaining).toBe(97)
  }
})

test('what runs when a cap is first set is held in it, and spent when it ends, by its account and by its key', async () => {
  const key = await keyOf('free', 'runner')
  const { id } = (await accountOf(key)).key
  const running = ask(key, 'waiting')
  await house.upstream.until((calls) => calls.some(({ model }) => model.includes('held')))
  const caps = { spend_per_day: '90000', spend_per_month: '90000' }
  await patch('/admin/accounts/runner', { limits: caps })
  await patch(`/admin/keys/${id}`, { limits: caps })
  const used = async () => {
    const { limits, key: own } = await accountOf(key)
    const told = [limits, own.limits].flatMap((of) => [of['spend_per_day'], of['spend_per_month']])
    return told.map((one) => one?.used)
  }
  const [held] = await used()
  expect(Number(held)).toBeGreaterThan(0)
  expect(await used()).toEqual([held, held, held, held])
  house.upstream.letGo()
  const cost = String((await running).headers['x-tollgate-cost'])
  expect(Number(cost)).toBeLessThan(Number(held))
  expect(await used()).toEqual([cost, cost, cost, cost])
})

test('an account may get another tier at any time, and keeps what was counted', async () => {
  const key = await keyOf('minute', 'riser')
  for (let count = 0; count < 2; count++) expect((await ask(key)).status).toBe(200)
  expect((await patch('/admin/accounts/riser', { tier: 'both' })).status).toBe(200)
  const refusal = await ask(key)
  expect(refusal.status).toBe(429)
  expect(refusal.headers).toMatchObject({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '0' })
  expect((await patch('/admin/accounts/riser', { tier: 'minute' })).status).toBe(200)
  expect(passed(await many([key], 'words'))).toHaveLength(5)
})

test('a model may be limited over all of its callers, and operators see what is left of that', async () => {
  const keys = [await keyOf('free'), await keyOf('free')]
  const file = path.join(house.gateway.dir, 'gateway.yaml')
  const text = fs.readFileSync(file, 'utf8')
  const limited = '- id: scarce\n    limits: { requests_per_minute: 5, tokens_per_day: 100000 }'
  fs.writeFileSync(file, text.replace('- id: scarce', limited))
  await expect
    .poll(async () => (await ask(keys[0] ?? '', 'scarce')).headers['x-ratelimit-remaining'], {
      timeout: 20_000,
    })
    .toBe('4')
  const answers = await many(keys, 'scarce')
  expect(passed(answers)).toHaveLength(4)
  expect(refused(answers)[0]?.body).toContain(
    "All callers of 'scarce' together may make 5 requests a minute.",
  )
  expect((await ask(keys[0] ?? '', 'words')).status).toBe(200)
  const { url, adminKey } = house.gateway
  const seen = async (of: string): Promise<unknown> =>
    JSON.parse((await raw({ url, key: adminKey, method: 'GET', path: `/admin/models${of}` })).body)
  const stand = (await seen('/scarce/limits')) as { limits: Record<string, Stand> }
  const { requests_per_minute: requests, tokens_per_day: tokens } = stand.limits
  expect(requests).toMatchObject({ limit: 5, used: 5, remaining: 0 })
  expect(Date.parse(requests?.resets_at ?? '')).toBeGreaterThan(Date.now())
  expect(tokens?.used).toBeGreaterThan(0)
  expect(tokens?.remaining).toBe(100_000 - Number(tokens?.used))
  expect((await seen('/words/limits')) as object).toMatchObject({ model: 'words', limits: {} })
  expect(await seen('/no-such/limits')).toMatchObject({ error: { code: 'model_not_found' } })
  const scarce = { id: 'scarce', limits: { requests_per_minute: 5, tokens_per_day: 100_000 } }
  expect((await seen('')) as { data: object[] }).toMatchObject({
    data: expect.arrayContaining([expect.objectContaining(scarce)]) as unknown,
  })
  const shown = await runScript('tollgate', ['limits', 'show', '--model', 'scarce'], house.gateway)
  expect(shown.stdout).toMatch(/model +scarce +requests_per_minute +5 +5 +0 +\d{4}-/)
  const listed = await runScript('tollgate', ['limits', 'list'], house.gateway)
  expect(listed.stdout).toMatch(/model +scarce +requests_per_minute=5 tokens_per_day=100000/)
})

type Stand = Readonly<{ limit: number; used: number; remaining: number; resets_at: string }>

test('a limit of a model that looks up its day counts who asked for it, whichever answered', async () => {
  const key = await keyOf('free')
  const file = path.join(house.gateway.dir, 'gateway.yaml')
  const change = (from: string, to: string) => {
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace(from, to))
  }
  let asked = 0
  const askGone = () => {
    asked++
    return ask(key, 'gone')
  }
  change('- id: gone', '- id: gone\n    fallbacks: [words]')
  await expect.poll(async () => (await askGone()).status, { timeout: 20_000 }).toBe(200)
  for (let count = 0; count < 3; count++) expect((await askGone()).status).toBe(200)
  change('- id: gone', '- id: gone\n    limits: { requests_per_day: 90000 }')
  const used = async () => {
    const { url, adminKey } = house.gateway
    const path = '/admin/models/gone/limits'
    const { body } = await raw({ url, key: adminKey, method: 'GET', path })
    return (JSON.parse(body) as { limits: Record<string, Stand> }).limits['requests_per_day']?.used
  }
  await expect.poll(used, { timeout: 20_000 }).toBe(asked)
  expect((await askGone()).status).toBe(200)
  expect(await used()).toBe(asked)
})

test('a restart forgets neither the requests and tokens of a day nor what was spent', async () => {
  const keys = {
    day: await keyOf('day'),
    tokens: await keyOf('token_day'),
    spend: await keyOf('spend'),
  }
  const { usage } = JSON.parse((await ask(keys.tokens, 'words', { max_tokens: 16 })).body) as {
    usage: { total_tokens: number }
  }
  for (let count = 0; count < 2; count++) expect((await ask(keys.day)).status).toBe(200)
  for (let count = 0; count < 5; count++) expect((await ask(keys.spend)).status).toBe(200)
  const before = await leftToSpend(keys.spend)
  expect(Number(before)).toBeGreaterThan(0)
  const stopped = house.gateway
  await stopped.stop()
  house = { ...house, gateway: await stopped.restart() }
  expect(passed(await many([keys.day], 'words'))).toHaveLength(1)
  const { headers } = await ask(keys.tokens, 'words', { max_tokens: 16 })
  const left = Number(headers['x-ratelimit-remaining-tokens'])
  expect(left).toBeLessThan(100 - usage.total_tokens)
  expect(await leftToSpend(keys.spend)).toBe(before)
})

/** By the words of a refusal. */
async function leftToSpend(key: string): Promise<string | undefined> {
  const { body } = await ask(key, 'words', { max_tokens: 230 })
  return /; ([0-9.]+) are left/.exec(body)?.[1]
}
