import {
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  errors,
  jwtVerify,
  type JWTPayload,
} from 'jose'
import { ACCOUNT_NAME, OPERATOR } from '../domain/account.ts'
import { Failure } from '../domain/failure.ts'
import type { Issuer } from '../domain/issuer.ts'
import { isStaff, STAFF_ROLES, type Role } from '../domain/role.ts'
import type { OutsideIdentity, OutsideTokens } from '../ports/session-signer.ts'

/**
 * Keys are asked for again when a token names one that is not among them, and not more often than this, so that made-up
 * names do not make us ask all day; and after a while in any case, so that a key that was taken back is forgotten.
 */
const FETCH = { cooldownDuration: 5_000, cacheMaxAge: 5 * 60_000, timeoutDuration: 5_000 }
/** Clocks of two machines differ, and a token that is good for longer than this was made by mistake, or for no good. */
const CLOCK_TOLERANCE_S = 30
const LIFE_MAX_S = 31 * 86_400

/**
 * Tokens of the issuers in the configuration, by the keys that they publish. The issuer is looked up by the name in the
 * token, and everything else is then checked by its own settings: keys, algorithms and audience are pinned to it.
 */
export function outsideTokens(
  issuers: () => readonly Issuer[],
  nowMs: () => number,
  /** Told of a good token that is none here, because its user has no account: the operator's to put right. */
  tellNameless: (facts: Nameless) => void,
): OutsideTokens {
  const keySets = new Map<string, ReturnType<typeof createRemoteJWKSet>>()
  const keysOf = ({ jwksUrl }: Issuer) => {
    const known =
      keySets.get(jwksUrl) ?? createRemoteJWKSet(new URL(jwksUrl), { ...FETCH, [customFetch]: ask })
    keySets.set(jwksUrl, known)
    return known
  }
  return {
    async verify(token) {
      const issuer = issuers().find(({ issuer: name }) => name === issuerIn(token))
      if (issuer === undefined) return undefined
      try {
        const { payload } = await jwtVerify(token, keysOf(issuer), {
          ...{ issuer: issuer.issuer, audience: issuer.audience },
          ...{ algorithms: [...issuer.algorithms], clockTolerance: CLOCK_TOLERANCE_S },
          requiredClaims: ['exp', 'sub'],
          currentDate: new Date(nowMs()),
        })
        const found = identityFrom(payload, issuer, nowMs() / 1_000)
        if (found === undefined || !('claim' in found)) return found
        tellNameless(found)
        return undefined
      } catch (error) {
        if (isUnreachable(error)) throw unreachable(error)
        if (error instanceof errors.JOSEError || isUnreadable(error)) return undefined
        throw error
      }
    },
  }
}

function issuerIn(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined // not a JWT at all
  }
}

function identityFrom(
  claims: JWTPayload,
  issuer: Issuer,
  nowS: number,
): OutsideIdentity | Nameless | undefined {
  const { sub, exp = 0, iat = 0 } = claims
  if (exp > nowS + LIFE_MAX_S || iat > nowS + CLOCK_TOLERANCE_S) return undefined
  const subject = `${issuer.id}/${encodeURIComponent(sub ?? '')}`
  const role = highestOf(claims[issuer.roleClaim], issuer)
  const account = isStaff(role) ? OPERATOR : claims[issuer.accountClaim]
  if (typeof account !== 'string' || !ACCOUNT_NAME.test(account))
    return { issuer: issuer.id, claim: issuer.accountClaim, subject }
  const tier = claims[issuer.tierClaim]
  return {
    ...{ subject, account, role, tier: typeof tier === 'string' ? tier : undefined },
    ...{ expiresAt: exp * 1_000, opensAccount: issuer.opensAccounts },
  }
}

type Nameless = Readonly<{ issuer: string; claim: string; subject: string }>

/** Services do not promise an order: who has several roles has the highest of them. */
function highestOf(said: unknown, { roles }: Issuer): Role {
  const names: unknown[] = Array.isArray(said) ? said : [said]
  const own = names.map((name) => (typeof name === 'string' ? roles.get(name) : undefined))
  return STAFF_ROLES.findLast((role) => own.includes(role)) ?? 'user'
}

/** No signature, or text that is none. */
const isUnreadable = (error: unknown): boolean =>
  error instanceof TypeError || error instanceof URIError

async function ask(url: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(url, options)
  } catch (cause) {
    throw unreachable(cause)
  }
}

/** Its keys cannot be had: that says nothing about the token. */
const isUnreachable = (error: unknown): boolean =>
  error instanceof errors.JWKSTimeout ||
  (error instanceof errors.JOSEError && error.code === 'ERR_JOSE_GENERIC')

const unreachable = (cause: unknown): Failure =>
  new Failure(
    'upstream_unavailable',
    'The issuer of this token cannot be asked for its keys now. Try again shortly.',
    { retryAfterMs: 5_000, cause },
  )
