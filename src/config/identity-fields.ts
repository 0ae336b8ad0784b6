// The sections `identity`, `cors`, `hosts` and `security_headers` of gateway.yaml: who else may say who is who, whose pages may
// ask, by which names, and what browsers are told.
import { z } from 'zod'
import type { Issuer } from '../domain/issuer.ts'
import { STAFF_ROLES } from '../domain/role.ts'
import type { Config } from './config.ts'
import { baseUrl, checkedText, flag, hostNames, label, providerId } from './fields.ts'

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

/** By which names the gateway may be asked. */
export const hosts = hostNames.optional()

const A_YEAR = 'max-age=31536000'

export const securityHeaders = z
  .strictObject({
    hsts_include_subdomains: flag.default(false),
    hsts_preload: flag.default(false),
    xss_protection: z.enum(['1; mode=block', '0']).default('1; mode=block'),
  })
  .refine((said) => said.hsts_include_subdomains || !said.hsts_preload, {
    message: 'is for domains with all that is below them',
    path: ['hsts_preload'],
    params: { fix: 'set hsts_include_subdomains: true, too, or leave it out' },
  })

export const buildSecurityHeaders = (
  said: z.output<typeof securityHeaders>,
): Config['securityHeaders'] => ({
  strictTransport: [
    A_YEAR,
    ...(said.hsts_include_subdomains ? ['includeSubDomains'] : []),
    ...(said.hsts_preload ? ['preload'] : []),
  ].join('; '),
  xssProtection: said.xss_protection,
})
