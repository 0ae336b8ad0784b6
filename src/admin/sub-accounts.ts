import { ACCOUNT_NAME, OPERATOR } from '../domain/account.ts'
import type { Actor, Doer } from '../domain/actor.ts'
import { Failure, invalidRequest } from '../domain/failure.ts'
import type { KeyRecord } from '../domain/key.ts'
import { formatCredits, ZERO } from '../domain/money.ts'
import type { AccountView, PlacingRefusal, Registry } from '../ports/ledger.ts'
import type { Secrets } from '../ports/secrets.ts'
import { doneBefore } from './done-before.ts'
import type { CreditCorrecting } from './correct-credit.ts'
import type { CorrectionWish } from './correction-request.ts'
import type { PlaceWish, SubAccountWish } from './sub-account-request.ts'

/**
 * What a reseller does with the accounts right below its own. An account of anybody else, and also one further below, is as
 * unknown to it as one that never was.
 */
export type SubAccounts = ReturnType<typeof subAccounts>

type Needs = Readonly<{
  registry: Registry
  correcting: CreditCorrecting
  secrets: Secrets
  nowMs: () => number
  hasModel: (name: string) => boolean
  hasKey: (id: string) => boolean
}>

type Funding = CorrectionWish & Readonly<{ idempotencyKey: string }>
type SubKeyWish = Readonly<{ expiresAt?: number; models?: readonly string[] }>

export function subAccounts(needs: Needs) {
  const { registry, correcting } = needs
  const own = (actor: Actor, name: string): AccountView => childOf(needs, actor, name)
  const keyOf = (actor: Actor, name: string, id: string): KeyRecord => {
    const { account } = own(actor, name)
    const found = keysOf(needs, account).find((key) => key.id === id)
    if (found === undefined) throw new Failure('not_found', 'There is no such key of this account.')
    return found
  }
  return {
    list: (actor: Actor): readonly AccountView[] => registry.subAccounts(reseller(needs, actor)),
    get: own,
    create: (actor: Actor, wish: SubAccountWish) => create(needs, actor, wish),
    async change(actor: Actor, name: string, { isDisabled, ...wish }: PlaceWish) {
      const before = own(actor, name)
      const { account } = before
      checkShare(needs, actor, wish.subAccountsMax)
      if (isDisabled === false) checkMayEnable(needs, actor, before)
      const placing = { ...wish, ...underCap(before, wish), word: 'reseller' } as const
      const refusal = await registry.place(account, placing, actor.by)
      if (refusal !== undefined) throw refusedBy(refusal)
      // Disabled twice, it stays the first one's word.
      if (isDisabled !== undefined && isDisabled !== before.isDisabled)
        await registry.setAccount(account, { isDisabled, word: 'reseller' }, actor.by)
      return own(actor, name)
    },
    /** Credit that the reseller gives or takes is its own word: what is bought with it costs the reseller, too. */
    fund(actor: Actor, name: string, funding: Funding) {
      own(actor, name)
      return correcting.correct({ ...funding, by: actor.by })
    },
    keys: (actor: Actor, name: string) => keysOf(needs, own(actor, name).account),
    issueKey: (actor: Actor, name: string, wish: SubKeyWish) =>
      issueKey(needs, { doer: actor, account: own(actor, name).account, wish }),
    async revokeKey(actor: Actor, name: string, id: string): Promise<void> {
      await registry.revokeKey(keyOf(actor, name, id).id, actor.by)
    },
  }
}

/** The account of a caller who may have sub-accounts. */
function reseller({ registry }: Needs, { key }: Actor): string {
  const found = registry.account(key.account)
  if ((found?.reselling?.subAccountsMax ?? 0) > 0) return key.account
  throw new Failure(
    'key_not_allowed',
    'Your account may have no sub-accounts. Ask the operator of this gateway for it.',
  )
}

/** What the operator has disabled, no reseller enables. */
function checkMayEnable(needs: Needs, { key }: Actor, { isDisabled, disabledBy }: AccountView) {
  if (!isDisabled || disabledBy === '') return
  if (keysOf(needs, key.account).some(({ id }) => id === disabledBy)) return
  throw new Failure(
    'key_not_allowed',
    'The operator of this gateway has disabled this account, and enables it again.',
    { param: 'disabled' },
  )
}

/** A cap of the operator is the highest, and what is left of it where the reseller lifts its own. */
function underCap({ reselling }: AccountView, { cap }: PlaceWish): Pick<PlaceWish, 'cap'> {
  const capMax = reselling?.capMax
  if (cap === undefined || capMax === undefined) return {}
  if (cap === null) return { cap: capMax }
  if (cap <= capMax) return { cap }
  throw invalidRequest(
    `'cap' must be at most ${formatCredits(capMax)}, which the operator of this gateway has set.`,
    'cap',
  )
}

function childOf(needs: Needs, actor: Actor, name: string): AccountView {
  const found = needs.registry.account(name)
  if (found?.reselling?.parent === reseller(needs, actor)) return found
  throw new Failure('not_found', 'You have no such sub-account.', { param: 'account' })
}

function keysOf({ registry }: Needs, account: string): readonly KeyRecord[] {
  const found: KeyRecord[] = []
  for (const key of registry.keys(0)) if (key.account === account) found.push(key)
  return found
}

async function create(needs: Needs, actor: Actor, wish: SubAccountWish): Promise<AccountView> {
  const { registry } = needs
  const { name, markup, subAccountsMax = 0 } = wish
  const parent = reseller(needs, actor)
  if (!ACCOUNT_NAME.test(name) || name === OPERATOR)
    throw invalidRequest(
      "'name' must be 1 to 64 letters, digits or ._@+- and begin with a letter or digit.",
      'name',
    )
  checkShare(needs, actor, subAccountsMax)
  checkRoom(registry, parent)
  const tier = registry.account(parent)?.tier ?? 'free'
  const made = { id: name, parent, markup, tier, subAccountsMax, by: actor.by }
  const refusal = await registry.openSubAccount(made)
  if (refusal === 'exists') throw invalidRequest('This name is taken. Choose another.', 'name')
  if (refusal !== undefined) throw refusedBy(refusal)
  return childOf(needs, actor, name)
}

/** Each account above counts all that are below it, so nobody gets more room by giving some away. */
function checkRoom(registry: Registry, parent: string): void {
  let id: string | undefined = parent
  while (id !== undefined) {
    const place: AccountView['reselling'] = registry.account(id)?.reselling
    if (registry.countBelow(id) >= (place?.subAccountsMax ?? 0))
      throw new Failure(
        'key_not_allowed',
        'There is no room for another sub-account. Ask whoever gave you your account for more.',
      )
    id = place?.parent
  }
}

/** Nobody passes on more than they have. */
function checkShare({ registry }: Needs, { key }: Actor, wanted = 0): void {
  const { subAccountsMax = 0 } = registry.account(key.account)?.reselling ?? {}
  if (wanted <= subAccountsMax) return
  throw invalidRequest(
    `'sub_accounts_max' must be at most ${subAccountsMax}, which is what your account may have.`,
    'sub_accounts_max',
  )
}

type Issuing = Readonly<{ doer: Doer; account: string; wish: SubKeyWish }>

async function issueKey({ registry, secrets, nowMs, hasModel, hasKey }: Needs, issuing: Issuing) {
  const { doer, account, wish } = issuing
  if (wish.expiresAt !== undefined && wish.expiresAt <= nowMs())
    throw invalidRequest(
      'The key would have expired already. Give a time in the future.',
      'expires',
    )
  for (const model of wish.models ?? [])
    if (!hasModel(model))
      throw new Failure('model_not_found', `There is no model '${model}'.`, { param: 'models' })
  const { id, secret, hash, hint } = secrets.newKey(doer.call)
  if (hasKey(id)) throw doneBefore(id)
  await registry.addKey({ id, hash, hint, account, role: 'user', by: doer.by, ...wish })
  return { id, secret, hint, account }
}

const REFUSALS = {
  unknown_account: 'There is no such account.',
  no_such_parent: "There is no account of the name in 'parent'.",
  is_operator: "The operator's own account has no sub-accounts.",
  circle: 'An account cannot be below itself.',
  too_deep: 'Five accounts in a row are the most: this one would be a sixth, or have one below it.',
  open_holds:
    'Requests of it, or of accounts below it, are in flight. Try again when they have ended.',
  has_credit:
    'Its credit is a claim on whoever stands above it now. Take the credit out first, then move it, then give it anew.',
} as const satisfies Record<PlacingRefusal, string>

export function refusedBy(refusal: PlacingRefusal): Failure {
  if (refusal === 'unknown_account') return new Failure('not_found', REFUSALS[refusal])
  const code = refusal === 'open_holds' ? 'credit_held' : 'invalid_request'
  return new Failure(code, REFUSALS[refusal], { param: 'parent' })
}

/** As its reseller sees it. */
export const subAccountView = ({ account, tier, credit, reselling, ...more }: AccountView) => ({
  account,
  tier,
  markup: reselling?.markup ?? '0',
  cap: reselling?.cap === undefined ? null : formatCredits(reselling.cap),
  used: formatCredits(reselling?.used ?? ZERO),
  sub_accounts_max: reselling?.subAccountsMax ?? 0,
  disabled: more.isDisabled,
  credits: { balance: formatCredits(credit.balance), held: formatCredits(credit.held) },
  created_at: new Date(more.createdAt).toISOString(),
})

/** The same with whose it is: for operators. */
export const placeView = (view: AccountView) => ({
  ...subAccountView(view),
  parent: view.reselling?.parent ?? null,
})
export type PlaceJson = ReturnType<typeof placeView>
