import { expect, test } from 'vitest'
import type { Registry } from '../ports/ledger.ts'
import type { Begun } from './identify.ts'
import { login } from './login.ts'

function house() {
  const clock = { ticksMs: 0 }
  const checks: (string | undefined)[] = []
  const sign = login({
    registry: {
      user: (name: string) =>
        name === 'anna'
          ? {
              name,
              account: 'acme',
              role: 'user',
              password: 'hash of right',
              createdAt: 0,
              changedAt: 0,
            }
          : undefined,
    } as unknown as Registry,
    passwords: {
      hash: (password) => Promise.resolve(`hash of ${password}`),
      matches(password, hash) {
        checks.push(hash)
        return Promise.resolve(hash === `hash of ${password}`)
      },
    },
    identities: { begin: (actor) => Promise.resolve({ token: 't', expiresAt: 1, actor } as Begun) },
    ticksMs: () => clock.ticksMs,
  })
  const attempt = (password: string, { username = 'anna', from = '10.0.0.1' } = {}) =>
    sign({ username, password }, from).then(
      () => 'in',
      (error: unknown) => (error as { code: string }).code,
    )
  return { attempt, checks, clock }
}

test('the right password begins a session, and a wrong one is answered like an unknown name', async () => {
  const { attempt, checks } = house()
  expect(await attempt('right')).toBe('in')
  expect(await attempt('wrong')).toBe('invalid_api_key')
  expect(await attempt('right', { username: 'nobody' })).toBe('invalid_api_key')
  expect(checks).toEqual(['hash of right', 'hash of right', undefined])
})

test('after five wrong passwords each makes the next one wait longer, and none is checked meanwhile', async () => {
  const { attempt, checks, clock } = house()
  for (let n = 0; n < 5; n++) expect(await attempt('wrong')).toBe('invalid_api_key')
  const waits: number[] = []
  for (let n = 0; n < 8; n++) {
    const before = clock.ticksMs
    const checked = checks.length
    while ((await attempt('wrong')) === 'rate_limit_exceeded') {
      expect(checks.length).toBe(checked)
      clock.ticksMs += 500
    }
    waits.push(clock.ticksMs - before)
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1_000))
})

test('a hundred guesses at once are five', async () => {
  const { attempt, checks } = house()
  await Promise.all(Array.from({ length: 100 }, () => attempt('wrong')))
  expect(checks.length).toBe(5)
})

test('whoever guesses elsewhere does not lock the user out, and a right password clears the count', async () => {
  const { attempt } = house()
  for (let n = 0; n < 20; n++) await attempt('wrong', { from: '10.9.9.9' })
  expect(await attempt('right', { from: '10.9.9.9' })).toBe('rate_limit_exceeded')
  for (let n = 0; n < 4; n++) await attempt('wrong')
  expect(await attempt('right')).toBe('in')
  for (let n = 0; n < 5; n++) expect(await attempt('wrong')).toBe('invalid_api_key')
})

test('many names from one address are thirty guesses a minute, and none of them is checked beyond', async () => {
  const { attempt, checks, clock } = house()
  const guess = (n: number) => attempt('wrong', { username: `name${n}` })
  await Promise.all(Array.from({ length: 500 }, (_, n) => guess(n)))
  expect(checks.length).toBe(30)
  expect(await attempt('right')).toBe('rate_limit_exceeded')
  expect(await attempt('right', { from: '10.0.0.2' })).toBe('in')
  clock.ticksMs += 61_000
  for (let n = 0; n < 100; n++) expect(await attempt('right')).toBe('in')
  await Promise.all(Array.from({ length: 500 }, (_, n) => guess(n)))
  expect(checks.length).toBe(161)
})
