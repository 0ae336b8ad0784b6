import { z } from 'zod'
import { available, OPERATOR } from '../domain/account.ts'
import type { Doer } from '../domain/actor.ts'
import { Failure, invalidRequest } from '../domain/failure.ts'
import { limitsView } from '../domain/limit.ts'
import { formatCredits } from '../domain/money.ts'
import type { AccountChange, AccountView, Registry } from '../ports/ledger.ts'
import { accountName, amount, limits, note, tier, timeZone } from './fields.ts'
import { pageOf, type PageQuery } from './page.ts'

const settings = {
  tier: tier.optional(),
  time_zone: timeZone.optional(),
  disabled: z
    .boolean({ error: 'must be true or false.' })
    .optional()
    .meta({ description: 'Nothing is spent from it, from this moment on' }),
  note: note.optional(),
  low_credit: amount
    .optional()
    .meta({ description: 'Below so many credits it is low on credit; 0 is never' }),
  limits: limits.optional(),
}

const changeOf = (said: z.output<typeof settingsForm>): AccountChange => ({
  ...(said.tier !== undefined && { tier: said.tier }),
  ...(said.time_zone !== undefined && { timeZone: said.time_zone }),
  ...(said.disabled !== undefined && { isDisabled: said.disabled }),
  ...(said.note !== undefined && { note: said.note }),
  ...(said.low_credit !== undefined && { lowCredit: said.low_credit.toString() }),
  ...(said.limits !== undefined && { limits: said.limits }),
})

const settingsForm = z.strictObject(settings)

/** What is to change of an account, other than its credit: the same over HTTP and on the command line. */
export const accountChangeForm = settingsForm
  .refine((said) => Object.values(said).some((one) => one !== undefined), {
    error: `Name what is to change: ${Object.keys(settings).join(', ')}.`,
  })
  .transform(changeOf)

export const newAccountForm = z
  .strictObject({ account: accountName, ...settings })
  .transform(({ account, ...said }) => ({ account, ...changeOf(said) }))

export const accountQuery = z.strictObject({
  tier: z.string().optional(),
  disabled: z.enum(['true', 'false'], { error: 'must be true or false.' }).optional(),
  low: z
    .enum(['true'], { error: 'must be true, or left out.' })
    .optional()
    .meta({ description: 'Those with less credit that is free than their `low_credit`' }),
  begins: z.string().optional().meta({ description: 'Those whose name begins like this' }),
})

type Needs = Readonly<{ registry: Registry; hasTier: (name: string) => boolean }>

export type Accounts = ReturnType<typeof accountAdmin>

/** Accounts as operators see and change them. */
export function accountAdmin({ registry, hasTier }: Needs) {
  const found = (id: string): AccountView => {
    const account = registry.account(id)
    if (account !== undefined) return account
    throw new Failure('not_found', 'There is no such account.', { param: 'account' })
  }
  const checkTier = (tier: string | undefined): void => {
    if (tier !== undefined && !hasTier(tier))
      throw invalidRequest(`There is no tier '${tier}'. The configuration lists them.`, 'tier')
  }
  return {
    view: (id: string) => accountView(found(id)),
    list: (query: z.output<typeof accountQuery>, page: PageQuery) =>
      pageOf(registry.accounts(page.from), page, (one) =>
        isAskedFor(one, query) ? accountView(one) : undefined,
      ),
    async open({ account, ...change }: z.output<typeof newAccountForm>, { by }: Doer) {
      checkTier(change.tier)
      if (account === OPERATOR || registry.account(account) !== undefined)
        throw invalidRequest(`There is an account '${account}' already.`, 'account')
      await registry.openAccount({ id: account, ...change, tier: change.tier ?? 'free', by })
      return accountView(found(account))
    },
    async change(id: string, change: AccountChange, { by }: Doer) {
      found(id)
      checkTier(change.tier)
      await registry.setAccount(id, change, by)
      return accountView(found(id))
    },
  }
}

function isAskedFor(one: AccountView, query: z.output<typeof accountQuery>): boolean {
  const { tier, disabled, low, begins } = query
  if (tier !== undefined && one.tier !== tier) return false
  if (disabled !== undefined && String(one.isDisabled) !== disabled) return false
  if (begins !== undefined && !one.account.startsWith(begins)) return false
  return low === undefined || available(one.credit) < one.lowCredit
}

const accountView = (one: AccountView) => ({
  account: one.account,
  tier: one.tier,
  time_zone: one.timeZone,
  disabled: one.isDisabled,
  note: one.note,
  low_credit: formatCredits(one.lowCredit),
  limits: limitsView(one.limits),
  credits: { balance: formatCredits(one.credit.balance), held: formatCredits(one.credit.held) },
  created_at: new Date(one.createdAt).toISOString(),
})

export type AccountJson = ReturnType<typeof accountView>
