import { execFile } from 'node:child_process'
import http from 'node:http'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { cleanEnv, root } from './support/gateway-process.ts'
import { openHouse, type Client, type House } from './support/house.ts'
import { ofKind } from './support/journal.ts'
import { chat, raw, type RawAnswer } from './support/raw.ts'

let house: House
let anna: Client
let bert: Client
beforeAll(async () => {
  house = await openHouse({
    words: ['answer?status=500', 'answer?chunks=5'],
    slow: ['answer?chunks=100&every=50'],
    unsaid: ['answer?chunks=40&usage=none'],
    cut: ['answer?chunks=20&cut=10'],
    empty: ['answer?body=nothing'],
    hanging: ['answer?hang'],
    dead: ['answer?status=500'],
  })
  anna = await house.client()
  bert = await house.client()
})
afterAll(async () => {
  await house.gateway.stop() // the one that was started last
  await house.close()
})

const ask = (model: string, more: object = {}): Promise<RawAnswer> =>
  raw({ url: house.gateway.url, key: anna.key, body: chat(model, more) })
const get = (key: string, id: string): Promise<RawAnswer> =>
  raw({ url: house.gateway.url, key, method: 'GET', path: `/v1/receipts/${id}` })

type Receipt = Record<'id' | 'state' | 'outcome' | 'charged' | 'cost' | 'overrun', string> & {
  recomputed: boolean
  refunds: { amount: string; reason: string }[]
}
async function receiptOf(id: unknown): Promise<Receipt> {
  const { status, body } = await get(anna.key, String(id))
  expect([status, body]).toEqual([200, body])
  return JSON.parse(body) as Receipt
}

/** Begins a request, and leaves when that is said. */
function leaving(model: string) {
  const body = chat(model, { stream: true })
  const headers = { authorization: `Bearer ${anna.key}`, 'content-type': 'application/json' }
  const request = http.request(`${house.gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers,
  })
  request.on('error', () => undefined)
  const id = new Promise<string>((resolve) => {
    request.on('response', (response) => {
      response.on('error', () => undefined).resume()
      resolve(String(response.headers['x-request-id']))
    })
  })
  request.end(body)
  return { id, leave: () => request.destroy() }
}
const untilNoted = (kind: string, ref: () => string | undefined) =>
  vi.waitFor(
    () => {
      const found = ofKind(house.gateway.dir, kind).at(-1)
      expect(found?.ref).toBe(ref() ?? found?.ref)
      if (found === undefined) throw new Error(`no ${kind}`)
      return found
    },
    { timeout: 30_000 },
  )

describe('a receipt, however the request ended,', () => {
  test.each([
    ['unsaid', 'finished', { is_estimated: true, overrun: '0' }],
    ['cut', 'cut', { charged: '0' }],
    ['empty', 'empty', { charged: '0', charged_by: 'nothing' }],
    ['dead', 'failed', { charged: '0', attempts: [{ provider: 'fake', answered: false }] }],
  ])('follows from its records (%s: %s)', async (model, outcome, more) => {
    const { headers } = await ask(model, { stream: model !== 'unsaid' })
    const receipt = await receiptOf(headers['x-request-id'])
    expect(receipt).toMatchObject({ state: 'settled', outcome, recomputed: true, ...more })
    expect(Number(receipt.cost)).toBe(Number(receipt.charged) + Number(receipt.overrun))
  })

  test('names what was tried', async () => {
    const { headers } = await ask('words')
    const tried = [{ answered: false }, { answered: true }]
    expect(await receiptOf(headers['x-request-id'])).toMatchObject({ attempts: tried })
  })

  test('is there when the caller left, early or late', async () => {
    const calls = house.upstream.journal.length
    const early = leaving('hanging')
    await house.upstream.until((journal) => journal.length > calls)
    early.leave()
    const { ref } = await vi.waitFor(() => {
      const last = ofKind(house.gateway.dir, 'settle').at(-1)
      if (last?.['outcome'] !== 'aborted_early') throw new Error('not settled yet')
      return last
    }, 30_000)
    expect(await receiptOf(ref)).toMatchObject({ outcome: 'aborted_early', recomputed: true })
    const late = leaving('slow')
    const id = await late.id
    expect(await receiptOf(id)).toMatchObject({ state: 'open', charged: '0', ended_at: null })
    late.leave()
    await vi.waitFor(async () => {
      expect((await receiptOf(id)).outcome).toBe('aborted')
    }, 30_000)
    expect(await receiptOf(id)).toMatchObject({ state: 'settled', recomputed: true })
  })

  test('shows what was given back', async () => {
    const { headers } = await ask('words')
    const id = String(headers['x-request-id'])
    const refund = (amount: string, key: string) =>
      raw({
        ...{ url: house.gateway.url, key: house.gateway.adminKey },
        path: `/admin/requests/${id}/refund`,
        headers: { 'idempotency-key': key },
        body: JSON.stringify({ amount, reason: 'it was late' }),
      })
    expect((await refund('1.5', 'one')).status).toBe(201)
    expect((await refund('2', 'two')).status).toBe(201)
    const receipt = await receiptOf(id)
    expect(receipt).toMatchObject({ refunded: '3.5', charged: headers['x-tollgate-cost'] })
    expect(receipt.refunds.map(({ amount }) => amount)).toEqual(['1.5', '2'])
  })

  test('after a kill goes by the last note of its cost', async () => {
    const { id: asked } = leaving('slow')
    const id = await asked
    await untilNoted('progress', () => id)
    await house.gateway.stop('SIGKILL')
    house = { ...house, gateway: await house.gateway.restart() }
    const receipt = await receiptOf(id)
    expect(receipt).toMatchObject({ outcome: 'killed', charged_by: 'progress', recomputed: true })
    expect(Number(receipt.charged)).toBeGreaterThan(0)
  })
})

describe('a receipt', () => {
  const command = (args: readonly string[]) =>
    promisify(execFile)(process.execPath, [path.join(root, 'scripts', 'receipt.js'), ...args], {
      ...{ cwd: house.gateway.dir, env: cleanEnv(house.gateway.dir) },
    })

  test('is there right after the answer, and its arithmetic is the charge', async () => {
    const { headers } = await ask('words')
    const id = String(headers['x-request-id'])
    const { status, body } = await get(anna.key, id)
    expect(status).toBe(200)
    const receipt = JSON.parse(body) as Record<string, unknown>
    const { usage } = house.upstream.journal.at(-1) ?? { usage: { prompt: 0, completion: 0 } }
    expect(receipt).toMatchObject({
      ...{ id, state: 'settled', outcome: 'finished', account: anna.account, recomputed: true },
      ...{ charged: headers['x-tollgate-cost'], charged_by: 'usage', overrun: '0', refunded: '0' },
      ...{ attempts: [{ answered: false }, { provider: 'fake', answered: true }] },
      arithmetic: {
        lines: [
          { bucket: 'input', count: usage.prompt },
          { bucket: 'output', count: usage.completion },
        ],
        cost_micro_credits: String(Number(headers['x-tollgate-cost']) * 1_000_000),
      },
      ledger: [{ kind: 'hold' }, { kind: 'settle' }],
    })
  })

  test('of another account is as unknown as one that never was', async () => {
    const id = String(ofKind(house.gateway.dir, 'settle')[0]?.ref)
    const answers = [id, 'req_77467b0d7da01000000000', 'x', '%00', 'a'.repeat(300)].map(
      async (one) => {
        const { status, body } = await get(bert.key, one)
        return [status, body]
      },
    )
    const all = await Promise.all(answers)
    expect(all[0]?.[0]).toBe(404)
    for (const one of all) expect(one).toEqual(all[0])
  })

  test('is printed by the command while the server runs and while it does not, the same', async () => {
    const id = String(ofKind(house.gateway.dir, 'settle')[0]?.ref)
    const beside = JSON.parse((await command([id, '--json'])).stdout) as object
    expect(beside).toMatchObject({
      id,
      recomputed: true,
      deployment: 'fake/answer?chunks=40&usage=none',
    })
    expect((await command([id])).stdout).toContain('Computed again')
    await house.gateway.stop()
    expect(JSON.parse((await command([id, '--json'])).stdout)).toEqual(beside)
    await expect(command(['req_unknown'])).rejects.toMatchObject({ code: 1 })
    const again = await house.gateway.restart()
    house = { ...house, gateway: again }
  })
})
