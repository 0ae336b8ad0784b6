import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey } from 'jose'
import nock from 'nock'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Issuer } from '../domain/issuer.ts'
import { outsideTokens } from './outside-tokens.ts'

const HOST = 'https://login.example.org'
const NOW = Date.now()
const NOW_S = Math.floor(NOW / 1_000)
const issuer: Issuer = {
  ...{ id: 'login', issuer: `${HOST}/`, jwksUrl: `${HOST}/keys`, audience: 'gateway' },
  ...{ algorithms: ['RS256'], accountClaim: 'account', tierClaim: 'tier', roleClaim: 'groups' },
  ...{ roles: new Map([['operators', 'admin' as const]]), opensAccounts: false },
}

type Pair = { publicKey: CryptoKey; privateKey: CryptoKey }
let pair: Pair
let other: Pair
let published: object
beforeAll(async () => {
  pair = await generateKeyPair('RS256', { extractable: true })
  other = await generateKeyPair('RS256', { extractable: true })
  published = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }
})
beforeEach(() => {
  nock.disableNetConnect()
  nock(HOST)
    .get('/keys')
    .reply(200, () => ({ keys: [published] }))
    .persist()
})
afterEach(() => {
  nock.cleanAll()
  nock.enableNetConnect()
})

const claims = { iss: `${HOST}/`, aud: 'gateway', sub: 'an na', account: 'acme', exp: NOW_S + 600 }
const signed = (
  changed: object = {},
  header: object = {},
  key: CryptoKey | Uint8Array = pair.privateKey,
) =>
  new SignJWT({ ...claims, ...changed })
    .setProtectedHeader({ alg: 'RS256', kid: 'one', ...header })
    .sign(key)
const refused: object[] = []
const verify = (token: string, issuers = [issuer]) =>
  outsideTokens(
    () => issuers,
    () => NOW,
    (facts) => refused.push(facts),
  ).verify(token)

describe('a token of an issuer that is trusted', () => {
  test('says who it is, what account they spend, their tier and their role', async () => {
    const found = { subject: 'login/an%20na', account: 'acme', role: 'user', tier: undefined }
    expect(await verify(await signed())).toMatchObject(found)
    const more = { tier: 'premium', groups: ['people', 'operators'] }
    expect(await verify(await signed(more))).toMatchObject({ role: 'admin', tier: 'premium' })
  })

  test('with several roles has the highest of those that the operator named, in whatever order they come', async () => {
    const roles = new Map([...issuer.roles, ['look', 'viewer'] as const])
    for (const groups of [
      ['look', 'operators'],
      ['operators', 'look'],
      ['people', 'look', 'operators', 'x'],
    ])
      expect(await verify(await signed({ groups }), [{ ...issuer, roles }])).toMatchObject({
        role: 'admin',
      })
  })

  test('of the staff needs no account', async () => {
    const staff = { sub: 'auth0|5f7', account: 'auth0|5f7', groups: 'operators' }
    const found = { subject: 'login/auth0%7C5f7', account: 'operator', role: 'admin' }
    expect(await verify(await signed(staff))).toMatchObject(found)
  })

  test('of a user that names no account is nobody’s, and the log says why', async () => {
    refused.length = 0
    for (const account of ['auth0|5f7', '', 7, undefined])
      expect(await verify(await signed({ account }))).toBeUndefined()
    const told = { issuer: 'login', claim: 'account', subject: 'login/an%20na' }
    expect(refused).toEqual([told, told, told, told])
  })

  test('whose subject is no text that can be written is nobody’s', async () => {
    expect(await verify(await signed({ sub: '\ud800' }))).toBeUndefined()
  })

  test.each([
    ['for another audience', { aud: 'shop' }],
    ['of another issuer', { iss: 'https://evil.example.org/' }],
    ['that has expired', { exp: NOW_S - 60 }],
    ['without an end', { exp: undefined }],
    ['that ends in the far future', { exp: NOW_S + 10 * 365 * 86_400 }],
    ['that was made in the future', { iat: NOW_S + 3_600 }],
    ['that is not valid yet', { nbf: NOW_S + 3_600 }],
    ['without a subject', { sub: undefined }],
    ['without an account', { account: undefined }],
    ['with an account that is none', { account: '../x' }],
  ])('%s is nobody’s', async (_, changed) => {
    expect(await verify(await signed(changed))).toBeUndefined()
  })

  test('with a role that the operator did not name is a user', async () => {
    for (const groups of ['owner', ['admin'], 7, { operators: true }, '__proto__'])
      expect(await verify(await signed({ groups }))).toMatchObject({ role: 'user' })
  })

  test('signed by nobody, by others, or with the public key as a secret, is nobody’s', async () => {
    const body = new UnsecuredJWT(claims).setIssuer(claims.iss).setAudience('gateway').encode()
    expect(await verify(body)).toBeUndefined()
    expect(await verify(await signed({}, {}, other.privateKey))).toBeUndefined()
    const shared = new TextEncoder().encode(JSON.stringify(published))
    const mixed = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: 'one' })
      .sign(shared)
    expect(await verify(mixed)).toBeUndefined()
    const foreign = await generateKeyPair('PS256')
    expect(await verify(await signed({}, { alg: 'PS256' }, foreign.privateKey))).toBeUndefined()
  })

  test.each(['two', '../../etc/passwd', "' or 1=1", `${HOST}/other`, 'x'.repeat(5_000)])(
    'whose key is called %j is nobody’s',
    async (kid) => {
      expect(await verify(await signed({}, { kid }))).toBeUndefined()
    },
  )

  test('that brings its own keys, or an address of keys, is nobody’s', async () => {
    const jwk = await exportJWK(other.publicKey)
    for (const header of [{ jwk }, { jku: `${HOST}/evil` }, { x5u: `${HOST}/evil` }])
      expect(await verify(await signed({}, header, other.privateKey))).toBeUndefined()
  })

  test.each(['', 'eyJ', 'eyJhbGciOiJub25lIn0.e30.', 'a.b.c', 'eyJ'.repeat(50_000)])(
    'that is none is nobody’s: %#',
    async (token) => {
      expect(await verify(token)).toBeUndefined()
    },
  )

  test('whose issuer cannot be reached is to be sent again', async () => {
    nock.cleanAll()
    nock(HOST).get('/keys').replyWithError('no route')
    await expect(verify(await signed())).rejects.toMatchObject({ code: 'upstream_unavailable' })
    nock.cleanAll()
    nock(HOST).get('/keys').reply(500, 'broken')
    await expect(verify(await signed())).rejects.toMatchObject({ code: 'upstream_unavailable' })
  })
})
