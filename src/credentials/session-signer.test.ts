import crypto from 'node:crypto'
import { SignJWT, UnsecuredJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { jwtSigner } from './session-signer.ts'

const secret = new TextEncoder().encode('s'.repeat(32))
const signer = jwtSigner(secret, 'HS256')
const inAnHour = () => Date.now() + 3_600_000
const subject = 'key_admin_1'

const beganAt = Date.now()
const session = (expiresAt = inAnHour()) => ({ id: 'ses_1', subject, beganAt, expiresAt })

type Claims = Readonly<
  Record<'iss' | 'aud' | 'sub' | 'jti', string> & Record<'exp' | 'began', number>
>
const claims = (): Claims => ({
  iss: 'tollgate',
  aud: 'tollgate',
  sub: subject,
  jti: 'ses_1',
  began: beganAt,
  exp: Math.floor(inAnHour() / 1000),
})
const signed = (payload: object, alg: string, key: Uint8Array | crypto.KeyObject = secret) =>
  new SignJWT({ ...payload }).setProtectedHeader({ alg }).sign(key)

describe('a session', () => {
  test('names who began it', async () => {
    const found = await signer.verify(await signer.sign(session()))
    expect(found).toMatchObject({ id: 'ses_1', subject, beganAt })
    expect(await signer.verify(await signed(claims(), 'HS256'))).toMatchObject({ subject })
  })

  test('that has expired is nobody’s', async () => {
    const token = await signer.sign(session(Date.now() - 1_000))
    expect(await signer.verify(token)).toBeUndefined()
  })

  test.each([
    ['another audience', { aud: 'tollgate-user' }],
    ['another issuer', { iss: 'someone' }],
    ['no audience', { aud: undefined }],
    ['no name', { jti: undefined }],
    ['no end', { exp: undefined }],
    ['a start in the future', { nbf: Math.floor(Date.now() / 1000) + 600 }],
  ])('with %s is nobody’s', async (_what, changed) => {
    expect(await signer.verify(await signed({ ...claims(), ...changed }, 'HS256'))).toBeUndefined()
  })

  test('signed by nobody (alg none) is nobody’s', async () => {
    const token = new UnsecuredJWT({ ...claims() }).encode()
    expect(token.endsWith('.')).toBe(true)
    expect(await signer.verify(token)).toBeUndefined()
    expect(await signer.verify(`${token}c2ln`)).toBeUndefined()
  })

  test('signed with our secret by another algorithm is nobody’s', async () => {
    const long = new TextEncoder().encode('s'.repeat(64))
    const token = await signed(claims(), 'HS512', long)
    expect(await jwtSigner(long, 'HS256').verify(token)).toBeUndefined()
  })

  test('signed by another key pair is nobody’s', async () => {
    const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })
    expect(await signer.verify(await signed(claims(), 'RS256', privateKey))).toBeUndefined()
  })

  test('signed with another secret is nobody’s', async () => {
    const other = new TextEncoder().encode('x'.repeat(32))
    expect(await signer.verify(await signed(claims(), 'HS256', other))).toBeUndefined()
  })

  test('changed in any part is nobody’s', async () => {
    const token = await signer.sign(session())
    const [head = '', body = '', signature = ''] = token.split('.')
    const forged = Buffer.from(JSON.stringify({ ...claims(), sub: 'key_admin_2' }))
    const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
    for (const changed of [
      `${head}.${forged.toString('base64url')}.${signature}`,
      `${head}.${body}.${flipped}`,
      `${head}.${body}.`,
    ]) {
      expect(await signer.verify(changed)).toBeUndefined()
    }
  })

  test.each(['', '.', '..', 'a.b.c', 'tg-key', 'x'.repeat(100_000), '\0.\0.\0'])(
    'that is no token is nobody’s: %#',
    async (token) => {
      expect(await signer.verify(token)).toBeUndefined()
    },
  )
})
