// The sections `identity` and `cors` of gateway.yaml: who else may say who is who, and whose pages may ask.
import { z } from 'zod'
import type { Issuer } from '../domain/issuer.ts'
import { STAFF_ROLES } from '../domain/role.ts'
import type { Config } from './config.ts'
import { baseUrl, checkedText, flag, label, providerId } from './fields.ts'

/** A secret that both sides share would make every issuer able to pose as every other. */
const ALGORITHMS = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA'] as const),
]

const claim = checkedText((text) => /^[\w:./-]{1,128}$/.test(text), {
  message: 'is not the name of a claim',
  fix: 'write it as it stands in the tokens',
})

const named = checkedText((text) => /^[\x21-\x7e]{1,512}$/.test(text), {
  message: 'is not a name without spaces',
  fix: 'write it exactly as the tokens have it',
})

const issuer = z.strictObject({
  id: providerId,
  issuer: named,
  jwks_url: baseUrl,
  audience: named,
  algorithms: z.array(z.enum(ALGORITHMS)).min(1).default(['RS256']),
  account_claim: claim.default('sub'),
  tier_claim: claim.default('tier'),
  role_claim: claim.default('role'),
  roles: z.record(label, z.enum(STAFF_ROLES)).default({}),
  open_accounts: flag.default(false),
})

export const identity = z.strictObject({ issuers: z.array(issuer).default([]) })

export const buildIssuers = ({ issuers }: z.output<typeof identity>): readonly Issuer[] =>
  issuers.map((one) => ({
    ...{ id: one.id, issuer: one.issuer, jwksUrl: one.jwks_url, audience: one.audience },
    ...{ algorithms: one.algorithms, accountClaim: one.account_claim },
    ...{ tierClaim: one.tier_claim, roleClaim: one.role_claim },
    ...{ roles: new Map(Object.entries(one.roles)), opensAccounts: one.open_accounts },
  }))

const origin = checkedText((text) => URL.canParse(text) && new URL(text).origin === text, {
  message: 'is not an origin',
  fix: 'write it like https://app.example.com, without a path or a slash at its end',
})

export const cors = z.strictObject({
  origins: z.array(origin).optional(),
  admin_origins: z.array(origin).default([]),
})

export const buildCors = ({ origins, admin_origins }: z.output<typeof cors>): Config['cors'] => ({
  origins: origins === undefined ? undefined : new Set(origins),
  adminOrigins: new Set(admin_origins),
})
