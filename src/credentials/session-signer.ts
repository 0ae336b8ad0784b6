import { errors, jwtVerify, SignJWT } from 'jose'
import type { Session, SessionSigner } from '../ports/session-signer.ts'

const ISSUER = 'tollgate'
const AUDIENCE = 'tollgate'

export type SessionAlgorithm = 'HS256' | 'HS384' | 'HS512'

/** Sessions as JWTs by one algorithm alone: a token that names another is not looked at. */
export function jwtSigner(secret: Uint8Array, algorithm: SessionAlgorithm): SessionSigner {
  return {
    sign: ({ id, subject, beganAt, expiresAt }) =>
      new SignJWT({ began: beganAt })
        .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
        .setJti(id)
        .setSubject(subject)
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setIssuedAt(new Date(beganAt))
        .setExpirationTime(new Date(expiresAt))
        .sign(secret),
    async verify(token) {
      try {
        const options = { algorithms: [algorithm], issuer: ISSUER, audience: AUDIENCE }
        return sessionFrom((await jwtVerify(token, secret, options)).payload)
      } catch (error) {
        if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined
        throw error
      }
    },
  }
}

/** A second is the finest that a JWT's own times know; when a session began is compared with the time of a change. */
function sessionFrom(claims: Record<string, unknown>): Session | undefined {
  const { jti: id, sub: subject, began: beganAt, exp } = claims
  if (typeof id !== 'string' || typeof subject !== 'string') return undefined
  if (typeof beganAt !== 'number' || typeof exp !== 'number') return undefined
  return { id, subject, beganAt, expiresAt: exp * 1_000 }
}
