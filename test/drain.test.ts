import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type Client, type House } from './support/house.ts'
import { ofKind, settledOf } from './support/journal.ts'
import { chat } from './support/raw.ts'

let house: House
let client: Client
beforeAll(async () => {
  house = await openHouse(
    {
      whole: ['answer?chunks=20&every=20'],
      broken: ['answer?chunks=20&every=20&cut=15'],
    },
    'outcomes: { aborted: drain }',
  )
  client = await house.client()
})
afterAll(() => house.close())

/** Reads the first piece of a stream, and leaves; answers how it was settled. */
async function leave(model: string) {
  const leaving = new AbortController()
  const { body, headers } = await fetch(`${house.gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${client.key}` },
    body: chat(model, { stream: true }),
    signal: leaving.signal,
  })
  await body?.getReader().read()
  leaving.abort()
  const id = headers.get('x-request-id') ?? ''
  while (!ofKind(house.gateway.dir, 'settle').some(({ ref }) => ref === id)) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return settledOf(house.gateway.dir, id)
}

test('who leaves pays what the provider says, where the operator waits for it', async () => {
  const settled = await leave('whole')
  const { usage } = house.upstream.journal.at(-1) ?? { usage: undefined }
  expect(usage?.completion).toBe(20)
  expect(settled['usage']).toEqual({ input: usage?.prompt, output: 20 })
  expect(settled['amount']).toBe(settled['cost'])
  expect(settled['estimated']).toBeUndefined()
})

test('who leaves pays what came, when the provider breaks off what nobody reads any more', async () => {
  const settled = await leave('broken')
  expect(settled).toMatchObject({ outcome: 'aborted', estimated: true })
  expect(settled['amount']).toBe(settled['cost'])
  expect(BigInt(String(settled['amount']))).toBeGreaterThan(0n)
})
