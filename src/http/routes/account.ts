import type { Context } from 'koa'
import { limitsView } from '../../domain/limit.ts'
import { formatCredits } from '../../domain/money.ts'
import { describeAccount } from '../../gateway/describe-account.ts'
import { credentialOf } from '../credential.ts'
import type { Site } from '../site.ts'

/** GET /v1/account: what the caller's account has, and what its key may do. */
export function account({ house }: Site) {
  return (ctx: Context): void => {
    const { account: found, tier, key } = describeAccount(house, credentialOf(ctx.req.headers))
    ctx.set('cache-control', 'no-store')
    ctx.body = {
      account: found.account,
      tier: found.tier,
      time_zone: found.timeZone,
      credits: {
        balance: formatCredits(found.credit.balance),
        held: formatCredits(found.credit.held),
      },
      limits: limitsView(tier.limits),
      key: {
        id: key.id,
        hint: key.hint,
        created_at: new Date(key.createdAt).toISOString(),
        expires_at: key.expiresAt === undefined ? null : new Date(key.expiresAt).toISOString(),
        models: key.models ?? null,
      },
    }
  }
}
