import { z } from 'zod'
import { formatCredits, ZERO } from '../domain/money.ts'
import { accountName, amount, limits, models, moment, staffRole, tags, tier } from './fields.ts'
import type { IssuedKey, KeyWish } from './issue-key.ts'
import { readInput } from './read-input.ts'

const ACCOUNT_RULE = 'must be a string.'

/** The wish for a key: the body of POST /admin/keys and what the command line sends are the same. */
export const keyForm = z
  .strictObject({
    type: z.enum(['user', 'admin'], { error: "must be 'user' or 'admin'." }),
    role: staffRole.nullish().meta({ description: 'Of an admin key; `admin` without one' }),
    account: z
      .string({ error: ACCOUNT_RULE })
      .min(1, ACCOUNT_RULE)
      .nullish()
      .meta({ description: accountName.meta()?.description ?? '' }),
    credits: amount.nullish().meta({ description: 'Paid in on top of what the account has' }),
    tier: tier.nullish(),
    models: models.min(1, 'must be a list of model names.').nullish(),
    limits: limits.nullish(),
    tags: tags.nullish(),
    expires: moment.nullish(),
  })
  .superRefine(({ type, role, account, ...said }, context) => {
    const wrong = (path: string, message: string) => {
      context.addIssue({ code: 'custom', path: [path], message })
    }
    if (type === 'user' && (account ?? undefined) === undefined) wrong('account', 'is missing.')
    if (type === 'user' && (role ?? undefined) !== undefined) wrong('role', 'is for admin keys.')
    if (type === 'user') return
    const { credits, tier, models, limits } = said
    for (const [name, value] of Object.entries({ account, credits, tier, models, limits }))
      if ((value ?? undefined) !== undefined)
        wrong(name, 'is for user keys: an admin key has no account, and spends nothing.')
  })
  .transform(wishOf)
  .meta({
    example: { type: 'user', account: 'anna', credits: '25', tags: ['bot'], expires: '2027-01-31' },
  })

type Said = Readonly<{
  type: 'user' | 'admin'
  role?: z.output<typeof staffRole> | null | undefined
  account?: string | null | undefined
  credits?: z.output<typeof amount> | null | undefined
  tier?: string | null | undefined
  models?: readonly string[] | null | undefined
  limits?: z.output<typeof limits> | null | undefined
  tags?: readonly string[] | null | undefined
  expires?: number | null | undefined
}>

function wishOf(said: Said): KeyWish {
  const { expires, tags: words } = said
  const both = {
    ...(typeof expires === 'number' && { expiresAt: expires }),
    ...(words && { tags: words }),
  }
  if (said.type === 'admin') return { role: said.role ?? 'admin', ...both }
  return {
    ...{ role: 'user', account: said.account ?? '', credits: said.credits ?? ZERO, ...both },
    ...(said.tier && { tier: said.tier }),
    ...(said.models && { models: said.models }),
    ...(said.limits && { limits: said.limits }),
  }
}

export const parseIssueKey = (body: unknown): KeyWish => readInput(keyForm, body)

export const issuedKeyView = (issued: IssuedKey) => ({
  key: issued.secret,
  keyId: issued.keyId,
  role: issued.role,
  account: issued.account,
  tier: issued.tier,
  credits: formatCredits(issued.balance),
})

export type IssuedKeyView = ReturnType<typeof issuedKeyView>
