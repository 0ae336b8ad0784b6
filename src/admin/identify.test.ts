import { describe, expect, test } from 'vitest'
import type { KeyRecord } from '../domain/key.ts'
import { identities } from './identify.ts'

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
  const known = identities({
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
  return { known, keys }
}

describe('a session', () => {
  test('begins with an admin key, lasts its hours, and acts for that key', async () => {
    const { known } = house()
    const { token, expiresAt } = await known.begin('secret')
    expect(expiresAt).toBe(NOW + 2 * 3_600_000)
    expect(await known.identify(token)).toMatchObject({ by: 'key_1', role: 'admin' })
  })

  test('ends with its key', async () => {
    const { known, keys } = house()
    const { token } = await known.begin('secret')
    keys.set('key_1', record({ revokedAt: NOW }))
    await expect(known.identify(token)).rejects.toMatchObject({ code: 'invalid_api_key' })
    keys.clear()
    await expect(known.identify(token)).rejects.toMatchObject({ code: 'invalid_api_key' })
  })

  test.each<[string, KeyRecord, string | undefined, string]>([
    ['no credential', record(), undefined, 'invalid_api_key'],
    ['an unknown key', record(), 'other', 'invalid_api_key'],
    ['a forged token', record(), 'a.b.c', 'invalid_api_key'],
    ['a revoked key', record({ revokedAt: 5 }), 'secret', 'invalid_api_key'],
    ['an expired key', record({ expiresAt: NOW }), 'secret', 'invalid_api_key'],
    ['an expired user’s key', record({ role: 'user', expiresAt: 5 }), 'secret', 'invalid_api_key'],
  ])('neither begins nor acts with %s', async (_what, key, credential, code) => {
    const { known } = house(key)
    await expect(known.begin(credential)).rejects.toMatchObject({ code })
    await expect(known.identify(credential)).rejects.toMatchObject({ code })
  })

  test('is for the staff alone; a user is known by their key', async () => {
    const { known } = house(record({ role: 'user' }))
    await expect(known.begin('secret')).rejects.toMatchObject({ code: 'key_not_allowed' })
    expect(await known.identify('secret')).toMatchObject({ by: 'key_1', role: 'user' })
  })

  test('cannot begin another session', async () => {
    const { known } = house()
    const { token } = await known.begin('secret')
    await expect(known.begin(token)).rejects.toMatchObject({ code: 'invalid_api_key' })
  })

  test('an admin key acts without one', async () => {
    expect(await house().known.identify('secret')).toMatchObject({ by: 'key_1' })
  })
})
