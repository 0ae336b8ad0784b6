import { expect, test } from 'vitest'
import type { Site } from '../site.ts'
import { legacyRoutes } from './legacy.ts'

test('the list of all accounts looks through the keys once, however many accounts there are', async () => {
  let looks = 0
  const names = Array.from({ length: 50 }, (_, n) => `user${n}`)
  const page = <T>(data: readonly T[]) => ({ data, next: undefined })
  const accounts = {
    list: () => page(names.map((account) => ({ account, credits: { balance: '5' } }))),
  }
  const keys = {
    list() {
      looks++
      return page([
        { account: 'user7', hint: 'tg-a…1' },
        { account: 'user7', hint: 'tg-b…2' },
      ])
    },
  }
  const route = legacyRoutes.find(({ path }) => path === '/tokens')
  const call = { actor: {}, params: {}, query: {}, body: {}, ctx: {} }
  const answer = route?.handle({ accounts, keys } as unknown as Site, call as never)
  const { tokens } = (await answer) as { tokens: { id: string; user_id: string }[] }
  expect(tokens).toHaveLength(50)
  expect(tokens[7]).toEqual({ id: 'tg-b…2', user_id: 'user7', tokens_gpt: 5 })
  expect(looks).toBe(1)
})
