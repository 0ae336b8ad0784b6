// Tokens of a login service elsewhere, on a running gateway: its keys come over HTTP, and every forgery is tried over HTTP.
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openHouse, type House } from './support/house.ts'
import { chat, raw, type RawAnswer } from './support/raw.ts'

type Pair = { publicKey: CryptoKey; privateKey: CryptoKey }
type LoginService = Readonly<{
  url: string
  publish: (...keys: object[]) => void
  close: () => void
}>

/** Publishes keys, and answers 500 while there are none. */
async function startLoginService(): Promise<LoginService> {
  let keys: readonly object[] = []
  const server = http.createServer((_req, res) => {
    res.writeHead(keys.length === 0 ? 500 : 200, { 'content-type': 'application/json' })
    res.end(JSON.stringify({ keys }))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, publish: (...now) => (keys = now), close: () => server.close() }
}

const published = async ({ publicKey }: Pair, kid: string, alg = 'RS256') => ({
  ...{ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' },
})

const ISSUER = 'https://login.example.org/'
let house: House
let [login, partner, broken]: LoginService[] = []
const pairs: Record<'login' | 'partner' | 'stranger', Pair> = {} as never
beforeAll(async () => {
  for (const name of ['login', 'partner', 'stranger'] as const)
    pairs[name] = await generateKeyPair('RS256', { extractable: true })
  ;[login, partner, broken] = await Promise.all([1, 2, 3].map(startLoginService))
  login?.publish(await published(pairs.login, 'one'))
  partner?.publish(await published(pairs.partner, 'one'))
  house = await openHouse({ words: ['answer?chunks=2'] }, CONFIG())
  await house.client() // user0
})
afterAll(async () => {
  for (const one of [login, partner, broken]) one?.close()
  await house.close()
})

const CONFIG = () => `tiers:
  free: { requests_per_minute: 0 }
  premium: { requests_per_minute: 50 }
identity:
  issuers:
    - { id: login, issuer: "${ISSUER}", jwks_url: "${login?.url}/keys", audience: gateway, account_claim: account, role_claim: groups, roles: { operators: admin }, open_accounts: true }
    - { id: partner, issuer: partner, jwks_url: "${partner?.url}/keys", audience: gateway, account_claim: account }
    - { id: broken, issuer: broken, jwks_url: "${broken?.url}/keys", audience: gateway, account_claim: account }
`

const nowS = () => Math.floor(Date.now() / 1_000)
const claims = (more: object = {}) => ({
  ...{ iss: ISSUER, aud: 'gateway', sub: 'anna', account: 'user0', exp: nowS() + 600 },
  ...more,
})
const signed = (
  more: object = {},
  header: object = {},
  key: CryptoKey | Uint8Array = pairs.login.privateKey,
) => new SignJWT(claims(more)).setProtectedHeader({ alg: 'RS256', kid: 'one', ...header }).sign(key)

const get = (path: string, key: string): Promise<RawAnswer> =>
  raw({ url: house.gateway.url, key, method: 'GET', path })
const spend = (key: string): Promise<RawAnswer> =>
  raw({ url: house.gateway.url, key, body: chat('words') })

describe('a token of an issuer that the operator trusts', () => {
  test('spends the credit of the account that it names', async () => {
    const token = await signed()
    expect((await spend(token)).status).toBe(200)
    const { body } = await get('/v1/usage?group_by=key', token)
    expect(JSON.parse(body)).toMatchObject({ data: [{ key: 'jwt:login/anna', requests: 1 }] })
    expect((await get('/auth/validate', token)).headers).toMatchObject({
      ...{ 'x-user-id': 'jwt:login/anna', 'x-user-role': 'user' },
    })
    expect((await get('/admin/accounts', token)).status).toBe(403)
  })

  test('opens an account in the tier that it says, whose limits hold from then on', async () => {
    const token = await signed({ account: 'fresh', tier: 'premium' })
    expect(JSON.parse((await get('/v1/account', token)).body)).toMatchObject({
      ...{ account: 'fresh', tier: 'premium', limits: { requests_per_minute: { limit: 50 } } },
    })
    expect((await spend(token)).status).toBe(402)
    const downgraded = await signed({ account: 'fresh', tier: 'free' })
    expect(JSON.parse((await get('/v1/account', downgraded)).body)).toMatchObject({ tier: 'free' })
  })

  test('opens none where the operator did not say so', async () => {
    const token = await signed({ iss: 'partner', account: 'fresher' }, {}, pairs.partner.privateKey)
    expect(await get('/v1/account', token)).toMatchObject({ status: 403 })
  })

  test('is one of the staff by a role that the operator named, and by no other', async () => {
    expect((await get('/admin/accounts', await signed({ groups: ['operators'] }))).status).toBe(200)
    for (const groups of ['owner', ['admin'], 'operators ', { operators: true }, ['__proto__']])
      expect((await get('/admin/accounts', await signed({ groups }))).status).toBe(403)
    const partners = { iss: 'partner', groups: ['operators'] }
    const token = await signed(partners, {}, pairs.partner.privateKey)
    expect((await get('/admin/accounts', token)).status).toBe(403)
  })

  test('is void once its bearer has signed out, also with its signature written in another way', async () => {
    const token = await signed({ jti: 'to end' })
    expect((await spend(token)).status).toBe(200)
    const out = { url: house.gateway.url, key: token, path: '/auth/logout', body: '{}' }
    expect((await raw(out)).status).toBe(200)
    for (const again of [token, ...otherSpellings(token)])
      expect([again.slice(-8), (await spend(again)).status]).toEqual([again.slice(-8), 401])
  })
})

/** The last character of base64 has bits that mean nothing, and some readers skip what is no character of it. */
function otherSpellings(token: string): string[] {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const bytes = (text: string) => Buffer.from(text.slice(text.lastIndexOf('.') + 1), 'base64url')
  const same = Array.from(alphabet, (last) => token.slice(0, -1) + last).filter(
    (other) => other !== token && bytes(other).equals(bytes(token)),
  )
  expect(same.length).toBeGreaterThan(0)
  return [...same, `${token}=`, `${token}==`]
}

const forgeries: [string, () => Promise<string> | string][] = [
  ['for another audience', () => signed({ aud: 'shop' })],
  ['for no audience', () => signed({ aud: undefined })],
  ['for several audiences, none of them this', () => signed({ aud: ['shop', 'gateway2'] })],
  ['of an issuer that nobody trusts', () => signed({ iss: 'https://evil.example.org/' })],
  ['of one issuer in the name of another', () => signed({ iss: 'partner' })],
  ['in our own name', () => signed({ iss: 'tollgate', aud: 'tollgate', jti: 'x', began: 1 })],
  ['that has expired', () => signed({ exp: nowS() - 60 })],
  ['without an end', () => signed({ exp: undefined })],
  ['that ends in the far future', () => signed({ exp: nowS() + 3_650 * 86_400 })],
  ['that was made in the future', () => signed({ iat: nowS() + 3_600 })],
  ['that is not valid yet', () => signed({ nbf: nowS() + 3_600 })],
  ['whose times are no numbers', () => signed({ exp: 'never', nbf: {} })],
  ['without a subject', () => signed({ sub: undefined })],
  ['without an account', () => signed({ account: undefined })],
  ['with an account that is none', () => signed({ account: '../user0' })],
  ['with a list of accounts', () => signed({ account: ['user0'] })],
  ['signed by nobody', () => new UnsecuredJWT(claims()).encode()],
  ['signed by nobody, by another name for it', () => unsigned('NONE')],
  ['with its signature cut off', async () => (await signed()).replace(/\.[^.]*$/, '.')],
  ['signed by somebody else', () => signed({}, {}, pairs.stranger.privateKey)],
  ['signed by the key of another issuer', () => signed({}, {}, pairs.partner.privateKey)],
  [
    'signed with the public key as a secret',
    async () => hmac(await exportSPKI(pairs.login.publicKey)),
  ],
  [
    'signed with the published key as a secret',
    async () => hmac(JSON.stringify(await published(pairs.login, 'one'))),
  ],
  ['signed with nothing as a secret', () => hmac('')],
  [
    'by an algorithm that was not pinned',
    async () => signed({}, { alg: 'PS256' }, (await generateKeyPair('PS256')).privateKey),
  ],
  [
    'that brings its own key',
    async () =>
      signed({}, { jwk: await exportJWK(pairs.stranger.publicKey) }, pairs.stranger.privateKey),
  ],
  [
    'that says where its keys are',
    () => signed({}, { jku: `${partner?.url}/keys` }, pairs.partner.privateKey),
  ],
  [
    'that says where its certificate is',
    () => signed({}, { x5u: `${partner?.url}/keys` }, pairs.partner.privateKey),
  ],
  [
    'with a header that must be understood',
    () => signed({}, { crit: ['exp'], exp: 1 }).catch(() => 'eyJ.'),
  ],
  ['whose key has no name here', () => signed({}, { kid: 'two' })],
  ['whose key is a path', () => signed({}, { kid: '../../../dev/null' })],
  ['whose key is an address', () => signed({}, { kid: `${partner?.url}/keys` })],
  ['whose key is a query', () => signed({}, { kid: "one' or '1'='1" })],
  ['whose key is no text', () => signed({}, { kid: { $ne: '' } })],
  ['whose key has a name without end', () => signed({}, { kid: 'k'.repeat(6_000) })],
  ['with other claims under the same signature', () => swapped({ account: 'fresh' })],
  ['in five parts', async () => `${await signed()}.x.y`],
  ['that is none', () => 'eyJub3RoaW5n'],
]

const hmac = (secret: string) =>
  secret === ''
    ? unsigned('HS256')
    : new SignJWT(claims())
        .setProtectedHeader({ alg: 'HS256', kid: 'one' })
        .sign(Buffer.from(secret))

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const unsigned = (alg: string): string => `${part({ alg, kid: 'one' })}.${part(claims())}.`

async function swapped(more: object): Promise<string> {
  const [head = '', , signature = ''] = (await signed()).split('.')
  return `${head}.${part(claims(more))}.${signature}`
}

describe('a token', () => {
  test.each(forgeries)('%s is answered as an unknown key is', async (_, forge) => {
    const token = await forge()
    const attempts = (key: string) =>
      Promise.all([spend(key), get('/auth/validate', key), get('/admin/accounts', key)])
    const [answers, unknown] = [await attempts(token), await attempts('tg-unknown')]
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401])
    expect(answers.map(told)).toEqual(unknown.map(told))
  })

  test('without the name of its key is good where its issuer has one key alone', async () => {
    expect((await spend(await signed({}, { kid: undefined }))).status).toBe(200)
  })
})

/** What is the same for all who are not known. */
function told({ status, headers, body }: RawAnswer) {
  const { 'x-request-id': id, date: _date, ...rest } = headers
  return [status, rest, body.replaceAll(String(id), 'ID').replace(/"timestamp":"[^"]*"/, '')]
}

describe('the keys of an issuer', () => {
  test('that cannot be had are no reason to call a token bad, and once they can it is good', async () => {
    const token = await signed({ iss: 'broken' }, {}, pairs.partner.privateKey)
    const answers = await Promise.all([spend(token), get('/auth/validate', token)])
    for (const { status, headers, body } of answers) {
      expect(status).toBe(503)
      expect(Number(headers['retry-after'])).toBeGreaterThan(0)
      expect(body).toContain('cannot be asked for its keys')
    }
    broken?.publish(await published(pairs.partner, 'one'))
    expect((await spend(token)).status).toBe(200)
    broken?.publish()
    expect((await spend(token)).status).toBe(200)
  })

  test('may change at any time: tokens by the new one are good within seconds', async () => {
    const next = await generateKeyPair('RS256', { extractable: true })
    const token = await signed({}, { kid: 'next' }, next.privateKey)
    expect((await spend(token)).status).toBe(401)
    login?.publish(await published(pairs.login, 'one'), await published(next, 'next'))
    await expect.poll(async () => (await spend(token)).status).toBe(200)
    expect((await spend(await signed({ jti: 'by the old one' }))).status).toBe(200)
  })
})
