import { z } from 'zod'
import { formatCredits } from '../../domain/money.ts'
import { soldView } from '../../admin/usage-view.ts'
import { describeAccount } from '../../gateway/describe-account.ts'
import { ownSales, type OwnSales } from '../../gateway/own-sales.ts'
import type { AccountView } from '../../ports/ledger.ts'
import { credits, time } from '../forms.ts'
import { limitsForm } from '../limits-form.ts'
import { route } from '../route.ts'

const sales = z
  .object({
    ...{ since: time, requests: z.int(), charged: credits, refunded: credits },
    ...{ sold: credits, returned: credits, profit: credits },
  })
  .meta({
    description:
      'Of resellers: what they paid for those below them this month and were `refunded`, what was `sold` to these and ' +
      '`returned` to them, and what is left; null while the past is being added up. GET /v1/usage?of=sub_accounts has it for each of them, and by day',
  })

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
      limits: limitsForm,
      sub_accounts_max: z.number(),
      sub_accounts: sales.nullable().optional(),
      key: z.object({
        id: z.string(),
        hint: z.string(),
        created_at: time,
        expires_at: time.nullable(),
        models: z.array(z.string()).nullable(),
        limits: limitsForm,
      }),
    }),
    async handle({ house, usage, limitStanding }, { actor }) {
      const { account: found, key } = describeAccount(house, actor.key)
      const standing = await limitStanding.of(key)
      return {
        account: found.account,
        tier: found.tier,
        time_zone: found.timeZone,
        credits: {
          balance: formatCredits(found.credit.balance),
          held: formatCredits(found.credit.held),
        },
        limits: standing.account.limits,
        sub_accounts_max: found.reselling?.subAccountsMax ?? 0,
        ...(isReseller(found) && {
          sub_accounts: salesView(await ownSales({ ...house, usage }, found)),
        }),
        key: {
          id: key.id,
          hint: key.hint,
          created_at: new Date(key.createdAt).toISOString(),
          expires_at: key.expiresAt === undefined ? null : new Date(key.expiresAt).toISOString(),
          models: key.models ?? null,
          limits: standing.limits,
        },
      }
    },
  }),
]

const isReseller = ({ reselling }: AccountView): boolean => (reselling?.subAccountsMax ?? 0) > 0

function salesView(sales: OwnSales | undefined) {
  if (sales === undefined) return null
  const { requests, charged, refunded } = sales.sums
  return {
    ...{ since: new Date(sales.sinceMs).toISOString(), requests },
    ...{ charged: formatCredits(charged), refunded: formatCredits(refunded) },
    ...soldView(sales.sums),
  }
}
