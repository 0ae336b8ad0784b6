import { describe, expect, test } from 'vitest'
import type { KeyRecord } from '../domain/key.ts'
import { adminSessions } from './sessions.ts'

const NOW = 1_000_000
const record = (more: Partial<KeyRecord> = {}): KeyRecord => ({
  id: 'key_1',
  hash: 'hash of secret',
  account: 'operator',
  role: 'admin',
  hint: 'h',
  createdAt: 0,
  ...more,
})

/** Sessions over one key; a token is its subject in plain words. */
function house(key: KeyRecord = record()) {
  const keys = new Map([[key.id, key]])
  const sessions = adminSessions({
    keys: {
      hashOf: (secret) => `hash of ${secret}`,
      find: (hash) => [...keys.values()].find((one) => one.hash === hash),
      withId: (id) => keys.get(id),
    },
    signer: {
      sign: ({ subject, expiresAt }) => Promise.resolve(`${subject}.${expiresAt}`),
      verify: (token) =>
        Promise.resolve(token.startsWith('key_') ? token.split('.')[0] : undefined),
    },
    nowMs: () => NOW,
    hours: 2,
  })
  return { sessions, keys }
}

describe('a session', () => {
  test('begins with an admin key, lasts its hours, and acts for that key', async () => {
    const { sessions } = house()
    const { token, expiresAt } = await sessions.begin('secret')
    expect(expiresAt).toBe(NOW + 2 * 3_600_000)
    expect(await sessions.actor(token)).toEqual({ keyId: 'key_1', by: 'key_1' })
  })

  test('ends with its key', async () => {
    const { sessions, keys } = house()
    const { token } = await sessions.begin('secret')
    keys.set('key_1', record({ revokedAt: NOW }))
    await expect(sessions.actor(token)).rejects.toMatchObject({ code: 'invalid_api_key' })
    keys.clear()
    await expect(sessions.actor(token)).rejects.toMatchObject({ code: 'invalid_api_key' })
  })

  test.each<[string, KeyRecord, string | undefined, string]>([
    ['no credential', record(), undefined, 'invalid_api_key'],
    ['an unknown key', record(), 'other', 'invalid_api_key'],
    ['a forged token', record(), 'a.b.c', 'invalid_api_key'],
    ['a user’s key', record({ role: 'user' }), 'secret', 'key_not_allowed'],
    ['a revoked key', record({ revokedAt: 5 }), 'secret', 'invalid_api_key'],
    ['an expired key', record({ expiresAt: NOW }), 'secret', 'invalid_api_key'],
    ['an expired user’s key', record({ role: 'user', expiresAt: 5 }), 'secret', 'invalid_api_key'],
  ])('neither begins nor acts with %s', async (_what, key, credential, code) => {
    const { sessions } = house(key)
    await expect(sessions.begin(credential)).rejects.toMatchObject({ code })
    await expect(sessions.actor(credential)).rejects.toMatchObject({ code })
  })

  test('cannot begin another session', async () => {
    const { sessions } = house()
    const { token } = await sessions.begin('secret')
    await expect(sessions.begin(token)).rejects.toMatchObject({ code: 'invalid_api_key' })
  })

  test('an admin key acts without one', async () => {
    expect(await house().sessions.actor('secret')).toEqual({ keyId: 'key_1', by: 'key_1' })
  })
})
