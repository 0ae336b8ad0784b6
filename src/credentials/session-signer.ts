import { errors, jwtVerify, SignJWT } from 'jose'
import type { SessionSigner } from '../ports/session-signer.ts'

const ISSUER = 'tollgate'
const AUDIENCE = 'tollgate-admin'

/** Sessions as JWTs, HS256 alone: a token that names another algorithm is not looked at. */
export function jwtSigner(secret: Uint8Array): SessionSigner {
  return {
    sign: ({ subject, expiresAt }) =>
      new SignJWT()
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject(subject)
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setIssuedAt()
        .setExpirationTime(new Date(expiresAt))
        .sign(secret),
    async verify(token) {
      try {
        const options = { algorithms: ['HS256'], issuer: ISSUER, audience: AUDIENCE }
        return (await jwtVerify(token, secret, options)).payload.sub
      } catch (error) {
        if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined
        throw error
      }
    },
  }
}
