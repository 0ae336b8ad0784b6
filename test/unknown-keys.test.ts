// Whoever tries keys learns nothing from what they are told: one answer for all that are good for nothing.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROUTES } from '../src/http/routes/routes.ts'
import { makeBadKeys, type BadKeys } from './support/bad-keys.ts'
import { openHouse, type House } from './support/house.ts'
import { chat, raw, type RawAnswer } from './support/raw.ts'

let house: House
let keys: BadKeys
beforeAll(async () => {
  house = await openHouse({ words: ['answer?chunks=2'] })
  keys = await makeBadKeys(house.gateway)
})
afterAll(() => house.close())

/** Status, reason, heads in their order, and body; without what is another in every answer. */
function told({ status, headers, body }: RawAnswer) {
  const id = String(headers['x-request-id'])
  const heads = Object.entries(headers).filter(([name]) => name !== 'date')
  return JSON.stringify([status, heads, body])
    .replaceAll(id, 'ID')
    .replace(/\\"timestamp\\":\\"[^"]*"/, '')
}

const closed = ROUTES.filter(({ access }) => access !== 'public').map((one) => [
  ...[`${one.method} ${one.path}`, one],
]) as [string, (typeof ROUTES)[number]][]

test.each(closed)(
  '%s has one answer for keys that are unknown, revoked, expired or none at all',
  async (_, { method, path }) => {
    const ask = (key: string) =>
      raw({
        ...{ url: house.gateway.url, key, method, path: path.replace(/\{\w+\*?\}/g, 'x1') },
        ...(method !== 'GET' && method !== 'DELETE' && { body: chat('words') }),
      })
    const answers = await Promise.all(Object.values(keys).map(ask))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]))
    expect(new Set(answers.map(told)).size).toBe(1)
  },
)

test('however a key is sent, what is wrong with it is told in the same words', async () => {
  const answers = await Promise.all(
    ['x-api-key', 'api-key', 'x-goog-api-key'].flatMap((name) =>
      [keys.unknown, keys.revoked, keys.expired].map((key) =>
        raw({ url: house.gateway.url, headers: { [name]: key }, body: chat('words') }),
      ),
    ),
  )
  expect(new Set(answers.map(told)).size).toBe(1)
})
