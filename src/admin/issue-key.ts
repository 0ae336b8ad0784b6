import { ACCOUNT_NAME, adjustCredit, NO_CREDIT, OPERATOR } from '../domain/account.ts'
import type { Doer } from '../domain/actor.ts'
import { Failure, invalidRequest } from '../domain/failure.ts'
import type { Limits } from '../domain/limit.ts'
import type { KeyRecord } from '../domain/key.ts'
import { ZERO, type MicroCredits } from '../domain/money.ts'
import { mayHandOut, reaches, type Role, type StaffRole } from '../domain/role.ts'
import type { Registry } from '../ports/ledger.ts'
import type { Secrets } from '../ports/secrets.ts'
import { doneBefore } from './done-before.ts'
import { refusalOf } from './booking-refusal.ts'

export type KeyWish = Readonly<
  | { role: StaffRole; expiresAt?: number; tags?: readonly string[] }
  | {
      role: 'user'
      account: string
      /** Paid in on top of what the account has. */
      credits: MicroCredits
      tier?: string
      expiresAt?: number
      models?: readonly string[]
      limits?: Limits
      tags?: readonly string[]
    }
>

export type IssuedKey = Readonly<{
  /** The only time that the secret is shown. */
  secret: string
  keyId: string
  role: Role
  account: string
  tier: string
  /** What the account has now. */
  balance: MicroCredits
}>

export type KeyIssuing = Readonly<{
  /**
   * With a secret that the caller made up for a named call, the same call again finds the key that is there: whoever died
   * before the answer asks again.
   */
  issue(wish: KeyWish, doer: Doer, secret?: string): Promise<IssuedKey>
}>

type Needs = Readonly<{
  registry: Registry
  secrets: Secrets
  nowMs: () => number
  hasTier: (name: string) => boolean
  hasModel: (id: string) => boolean
  keyOf: (id: string) => KeyRecord | undefined
}>

/** Issues keys: creates the account if it is new, adds the credit, and shows the secret once. */
export function keyIssuing(needs: Needs): KeyIssuing {
  return {
    async issue(wish, { by, role, call }, secret) {
      checkRole(role, wish, needs)
      const account = isUser(wish) ? wish.account : OPERATOR
      const key = keyFor(needs, call, secret)
      const known = needs.keyOf(key.id)
      if (known !== undefined && (secret === undefined || known.hash !== key.hash))
        throw doneBefore(key.id)
      if (known !== undefined) return issued(needs, key, { role: wish.role, account })
      check(wish, needs)
      const funding = isUser(wish) && { ...wish, by, id: needs.secrets.newId('crd') }
      // Begun in one step: it reaches the disk together, so that a crash leaves all of it or nothing.
      const funded = funding === false ? [] : fund(needs.registry, funding)
      const added = needs.registry.addKey({
        ...{ id: key.id, hash: key.hash, hint: key.hint, account, role: wish.role, by },
        ...(wish.expiresAt !== undefined && { expiresAt: wish.expiresAt }),
        ...(wish.tags !== undefined && { tags: wish.tags }),
        ...(isUser(wish) && wish.models !== undefined && { models: wish.models }),
        ...(isUser(wish) && wish.limits !== undefined && { limits: wish.limits }),
      })
      await Promise.all([...funded, added])
      return issued(needs, key, { role: wish.role, account })
    },
  }
}

function keyFor({ secrets }: Needs, call: string | undefined, secret: string | undefined) {
  if (secret === undefined) return secrets.newKey(call)
  return { id: secrets.newId('key', call), secret, ...secrets.keyFrom(secret) }
}

type Whose = Pick<IssuedKey, 'role' | 'account'>

function issued({ registry }: Needs, key: ReturnType<typeof keyFor>, whose: Whose): IssuedKey {
  const view = registry.account(whose.account)
  return {
    ...{ secret: key.secret, keyId: key.id, ...whose },
    tier: view?.tier ?? 'admin',
    balance: view?.credit.balance ?? ZERO,
  }
}

type UserWish = Extract<KeyWish, { role: 'user' }>
const isUser = (wish: KeyWish): wish is UserWish => wish.role === 'user'

/** Whoever may only issue keys makes neither accounts nor credit of it. */
function checkRole(own: Role, wish: KeyWish, { registry }: Needs): void {
  if (!mayHandOut(own, wish.role))
    throw new Failure('key_not_allowed', `The role '${own}' does not give this role to others.`)
  if (reaches(own, 'admin') || !isUser(wish)) return
  if (wish.credits > 0n || wish.tier !== undefined || registry.account(wish.account) === undefined)
    throw new Failure(
      'key_not_allowed',
      `The role '${own}' issues keys for accounts that are there, without credit or tier.`,
    )
}

type Funding = UserWish & Readonly<{ id: string; by: string }>

function fund(registry: Registry, funding: Funding): readonly Promise<unknown>[] {
  const { id, by, account, credits: amount, tier } = funding
  const known = registry.account(account)
  if (adjustCredit(known?.credit ?? NO_CREDIT, amount) === undefined)
    throw refusalOf({ kind: 'out_of_range', account }, 'credits')
  const steps: Promise<unknown>[] = []
  if (known === undefined)
    steps.push(registry.openAccount({ id: account, tier: tier ?? NEW_ACCOUNT_TIER, by }))
  else if (tier !== undefined && tier !== known.tier)
    steps.push(registry.setAccount(account, { tier }, by))
  const act = { id, by, reason: 'granted with a key' }
  if (amount > 0n) steps.push(registry.book({ kind: 'credit', account, amount }, act))
  return steps
}

const NEW_ACCOUNT_TIER = 'free'

function check(wish: KeyWish, { nowMs, hasTier, hasModel }: Needs): void {
  if (wish.expiresAt !== undefined && wish.expiresAt <= nowMs()) {
    throw invalidRequest(
      'The key would have expired already. Give a time in the future.',
      'expires',
    )
  }
  if (!isUser(wish)) return
  if (!ACCOUNT_NAME.test(wish.account) || wish.account === OPERATOR) {
    throw invalidRequest(
      `The account name must be 1 to 64 letters, digits or ._@+- and begin with a letter or digit; '${OPERATOR}' is taken.`,
      'account',
    )
  }
  if (wish.tier !== undefined && !hasTier(wish.tier)) {
    throw invalidRequest(
      `There is no tier '${wish.tier}'. The configuration file lists the tiers.`,
      'tier',
    )
  }
  for (const model of wish.models ?? []) {
    if (hasModel(model)) continue
    throw new Failure('model_not_found', `There is no model '${model}' in the configuration.`, {
      param: 'models',
    })
  }
}
