import { z } from 'zod'
import { limitsView } from '../../domain/limit.ts'
import { formatCredits } from '../../domain/money.ts'
import { describeAccount } from '../../gateway/describe-account.ts'
import { anyObject, credits, time } from '../forms.ts'
import { route } from '../route.ts'

export const accountRoutes = [
  route({
    method: 'GET',
    path: '/v1/account',
    access: 'user',
    summary: "What the caller's account has, and what its key may do",
    answer: z.object({
      account: z.string(),
      tier: z.string(),
      time_zone: z.string(),
      credits: z.object({ balance: credits, held: credits }),
      limits: anyObject('By their names, such as `requests_per_minute`'),
      sub_accounts_max: z.number(),
      key: z.object({
        id: z.string(),
        hint: z.string(),
        created_at: time,
        expires_at: time.nullable(),
        models: z.array(z.string()).nullable(),
      }),
    }),
    handle({ house }, { actor }) {
      const { account: found, tier, key } = describeAccount(house, actor.key)
      return {
        account: found.account,
        tier: found.tier,
        time_zone: found.timeZone,
        credits: {
          balance: formatCredits(found.credit.balance),
          held: formatCredits(found.credit.held),
        },
        limits: limitsView(tier.limits),
        sub_accounts_max: found.reselling?.subAccountsMax ?? 0,
        key: {
          id: key.id,
          hint: key.hint,
          created_at: new Date(key.createdAt).toISOString(),
          expires_at: key.expiresAt === undefined ? null : new Date(key.expiresAt).toISOString(),
          models: key.models ?? null,
        },
      }
    },
  }),
]
