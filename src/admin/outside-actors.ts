import { OPERATOR } from '../domain/account.ts'
import type { Actor } from '../domain/actor.ts'
import { Failure } from '../domain/failure.ts'
import { isStaff } from '../domain/role.ts'
import type { Registry } from '../ports/ledger.ts'
import type { OutsideIdentity } from '../ports/session-signer.ts'

type Needs = Readonly<{
  registry: Registry
  nowMs: () => number
  hasTier: (name: string) => boolean
}>

/** Somebody whom an issuer vouches for: of an account that is there, or opened for them; in the tier that it says. */
export function outsideActors({ registry, nowMs, hasTier }: Needs) {
  return async (identity: OutsideIdentity): Promise<Actor> => {
    const { subject, role, expiresAt } = identity
    const by = `jwt:${subject}`
    const account = isStaff(role) ? OPERATOR : identity.account
    if (!isStaff(role)) await settle(identity, by)
    const key = { id: by, hash: '', hint: subject, account, role, createdAt: nowMs(), expiresAt }
    return { by, role, key }
  }

  async function settle(
    { account, tier: said, opensAccount }: OutsideIdentity,
    by: string,
  ): Promise<void> {
    const known = registry.account(account)
    const tier = said !== undefined && hasTier(said) ? said : undefined
    if (known !== undefined) {
      if (tier !== undefined && tier !== known.tier)
        await registry.setAccount(account, { tier }, by)
      return
    }
    if (!opensAccount || account === OPERATOR)
      throw new Failure(
        'key_not_allowed',
        `There is no account '${account}' here. Ask the operator of this gateway to open it.`,
      )
    await registry.openAccount({ id: account, tier: tier ?? 'free', by })
  }
}
