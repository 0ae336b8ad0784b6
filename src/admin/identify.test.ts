import { describe, expect, test } from 'vitest'
import { Failure } from '../domain/failure.ts'
import type { KeyRecord } from '../domain/key.ts'
import type { UserRecord } from '../domain/user.ts'
import type { AccountView, Registry } from '../ports/ledger.ts'
import type { OutsideIdentity, Session } from '../ports/session-signer.ts'
import { identities } from './identify.ts'

const NOW = 1_000_000
const HOUR = 3_600_000
const record = (more: Partial<KeyRecord> = {}): KeyRecord => ({
  id: 'key_1',
  hash: 'hash of secret',
  account: 'operator',
  role: 'admin',
  hint: 'h',
  createdAt: 0,
  ...more,
})
const anna: UserRecord = {
  ...{ name: 'anna', account: 'acme', role: 'user', password: 'x', createdAt: 0, changedAt: 5 },
}

/** Sessions and outside identities whose tokens are themselves in plain words. */
function house(key: KeyRecord = record()) {
  const keys = new Map([[key.id, key]])
  const users = new Map([['anna', anna]])
  const ended = new Set<string>()
  const clock = { nowMs: NOW, ticksMs: 0 }
  const trusted = { issuers: [] as readonly string[], isTrusted: true, isAway: false }
  const deeds: unknown[] = []
  const accounts = new Map([['acme', { account: 'acme', tier: 'free' } as AccountView]])
  const registry = {
    hasEnded: (id: string) => ended.has(id),
    user: (name: string) => users.get(name),
    account: (id: string) => accounts.get(id),
    note: (deed: object) => Promise.resolve(void deeds.push(deed)),
    endSession: ({ id }: { id: string }) => Promise.resolve(void ended.add(id)),
    openAccount: (account: object) => Promise.resolve(void deeds.push(account)),
    setAccount: (id: string, change: object) => Promise.resolve(void deeds.push({ id, ...change })),
  } as unknown as Registry
  const spoken = (token: string, kind: string): unknown =>
    token.startsWith(`eyJ ${kind} `) ? JSON.parse(token.slice(kind.length + 5)) : undefined
  let sessions = 0
  const known = identities({
    keys: {
      hashOf: (secret) => `hash of ${secret}`,
      find: (hash) => [...keys.values()].find((one) => one.hash === hash),
      withId: (id) => keys.get(id),
    },
    registry,
    secrets: { newId: (prefix) => `${prefix}_${sessions++}` },
    signer: {
      sign: (session) => Promise.resolve(`eyJ session ${JSON.stringify(session)}`),
      verify: (token) => Promise.resolve(spoken(token, 'session') as Session | undefined),
    },
    outside: {
      verify(token) {
        if (trusted.isAway) return Promise.reject(new Failure('upstream_unavailable', 'away'))
        const said = token.slice(0, token.lastIndexOf('.'))
        return Promise.resolve(
          trusted.isTrusted ? (spoken(said, 'outside') as OutsideIdentity | undefined) : undefined,
        )
      },
    },
    trust: () => trusted.issuers,
    nowMs: () => clock.nowMs,
    ticksMs: () => clock.ticksMs,
    hours: 2,
    hasTier: (name) => name === 'premium',
  })
  const begin = async (by = 'secret') => (await known.begin(await known.identify(by))).token
  return { known, keys, users, clock, deeds, begin, trusted }
}

const INVALID = { code: 'invalid_api_key' }
const outside = (more: Partial<OutsideIdentity> = {}): string =>
  `eyJ outside ${JSON.stringify({
    ...{ subject: 'login/anna', account: 'acme', tier: undefined, role: 'user' },
    ...{ expiresAt: NOW + HOUR, opensAccount: false, ...more },
  })}.signature`

describe('a session', () => {
  test('begins with a key, lasts its hours, and acts for that key', async () => {
    const { known, begin, clock } = house()
    const token = await begin()
    expect(await known.identify(token)).toMatchObject({ by: 'key_1', role: 'admin' })
    clock.nowMs = NOW + 2 * HOUR
    await expect(known.identify(token)).rejects.toMatchObject(INVALID)
  })

  test('is one of sixty in a minute at most, of each who begins them: each is an entry', async () => {
    const { begin, keys, clock, deeds } = house()
    keys.set('key_2', record({ id: 'key_2', hash: 'hash of other' }))
    const many = await Promise.allSettled(Array.from({ length: 200 }, () => begin()))
    expect(many.filter(({ status }) => status === 'fulfilled')).toHaveLength(60)
    expect(deeds).toHaveLength(60)
    const refusal = { code: 'rate_limit_exceeded', details: { retryAfterMs: 60_250 } }
    await expect(begin()).rejects.toMatchObject(refusal)
    await begin('other')
    clock.ticksMs = 60_250
    await begin()
  })

  test('ends with its key', async () => {
    const { known, keys, begin } = house()
    const token = await begin()
    keys.set('key_1', record({ revokedAt: NOW }))
    await expect(known.identify(token)).rejects.toMatchObject(INVALID)
    keys.clear()
    await expect(known.identify(token)).rejects.toMatchObject(INVALID)
  })

  test('ends when it is signed out of, and a key is not signed out', async () => {
    const { known, begin } = house()
    const [token, other] = [await begin(), await begin()]
    await known.signOut(token)
    await expect(known.identify(token)).rejects.toMatchObject(INVALID)
    expect(await known.identify(other)).toMatchObject({ by: 'key_1' })
    await expect(known.signOut('secret')).rejects.toMatchObject({ code: 'invalid_request' })
  })

  test('of a user spends their account’s credit, until they are changed or removed', async () => {
    const { known, users } = house()
    const token = `eyJ session ${JSON.stringify({ id: 's', subject: 'user:anna', beganAt: 9, expiresAt: NOW + 1 })}`
    expect(await known.resolve(token)).toMatchObject({ account: 'acme', role: 'user' })
    expect(await known.resolve(token)).toBe((await known.identify(token)).key)
    users.set('anna', { ...anna, changedAt: 10 })
    expect(await known.resolve(token)).toBe(token)
    users.clear()
    await expect(known.identify(token)).rejects.toMatchObject(INVALID)
  })
})

describe('a key', () => {
  test.each<[string, KeyRecord, string | undefined]>([
    ['no credential', record(), undefined],
    ['an unknown key', record(), 'other'],
    ['a forged token', record(), 'eyJ.b.c'],
    ['a revoked key', record({ revokedAt: 5 }), 'secret'],
    ['an expired key', record({ expiresAt: NOW }), 'secret'],
    ['an expired user’s key', record({ role: 'user', expiresAt: 5 }), 'secret'],
  ])('is not known by %s', async (_what, key, credential) => {
    await expect(house(key).known.identify(credential)).rejects.toMatchObject(INVALID)
  })

  test('of the master is the owner’s, also in journals that call it an admin’s', async () => {
    const { known } = house(record({ id: 'key_master_1' }))
    expect(await known.identify('secret')).toMatchObject({ by: 'master', role: 'owner' })
  })

  test('is not looked at where only tokens are resolved', async () => {
    expect(await house().known.resolve('secret')).toBe('secret')
  })
})

describe('somebody from outside', () => {
  test('spends an account that is there, in the tier that their token says', async () => {
    const { known, deeds } = house()
    const token = outside({ tier: 'premium' })
    const actor = await known.identify(token)
    expect(actor).toMatchObject({ by: 'jwt:login/anna', key: { account: 'acme', role: 'user' } })
    expect(await known.identify(token)).toBe(actor)
    expect(deeds).toEqual([{ id: 'acme', tier: 'premium' }])
  })

  test('opens an account only where the operator says so, and never the operator’s', async () => {
    const { known, deeds } = house()
    const missing = { account: 'new', tier: 'gold' }
    await expect(known.identify(outside(missing))).rejects.toMatchObject({
      code: 'key_not_allowed',
    })
    await known.identify(outside({ ...missing, opensAccount: true }))
    expect(deeds).toEqual([{ id: 'new', tier: 'free', by: 'jwt:login/anna' }])
    await expect(
      known.identify(outside({ account: 'operator', opensAccount: true })),
    ).rejects.toMatchObject({ code: 'key_not_allowed' })
  })

  test('is nobody any more once the operator trusts their issuer no longer', async () => {
    const { known, trusted } = house()
    const token = outside()
    await known.identify(token)
    Object.assign(trusted, { issuers: [], isTrusted: false })
    await expect(known.identify(token)).rejects.toMatchObject(INVALID)
  })

  test('is looked at again after five minutes, and nobody any more once their issuer took its key back', async () => {
    const { known, trusted, clock } = house()
    const token = outside()
    await known.identify(token)
    trusted.isTrusted = false
    clock.ticksMs = 5 * 60_000 - 1
    expect(await known.identify(token)).toMatchObject({ by: 'jwt:login/anna' })
    clock.ticksMs = 5 * 60_000
    await expect(known.identify(token)).rejects.toMatchObject(INVALID)
    await expect(known.identify(token)).rejects.toMatchObject(INVALID)
  })

  test('stays who they are while their issuer is away, and nobody new becomes known meanwhile', async () => {
    const { known, trusted, clock } = house()
    const token = outside()
    await known.identify(token)
    trusted.isAway = true
    for (clock.ticksMs = 0; clock.ticksMs < HOUR; clock.ticksMs += 60_000)
      expect(await known.identify(token)).toMatchObject({ by: 'jwt:login/anna' })
    const away = { code: 'upstream_unavailable' }
    await expect(known.identify(outside({ role: 'admin' }))).rejects.toMatchObject(away)
    trusted.issuers = [] // the operator has changed the list: nothing is taken for granted
    await expect(known.identify(token)).rejects.toMatchObject(away)
  })

  test('who signed out is out, however the signature of their token is written', async () => {
    const { known } = house()
    const token = outside()
    await known.signOut(token)
    for (const again of [token, `${token}=`, `${token}x`])
      await expect(known.identify(again)).rejects.toMatchObject(INVALID)
  })

  test('is one of the staff by their role, until their token expires or they sign out', async () => {
    const { known, clock } = house()
    const [token, other] = [outside({ role: 'admin' }), outside({ role: 'viewer' })]
    expect(await known.identify(token)).toMatchObject({
      role: 'admin',
      key: { account: 'operator' },
    })
    await known.signOut(token)
    await expect(known.identify(token)).rejects.toMatchObject(INVALID)
    expect(await known.identify(other)).toMatchObject({ role: 'viewer' })
    clock.nowMs = NOW + HOUR
    await expect(known.identify(other)).rejects.toMatchObject(INVALID)
  })
})
