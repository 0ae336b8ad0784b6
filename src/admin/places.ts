import type { AccountView, Registry } from '../ports/ledger.ts'
import { Failure } from '../domain/failure.ts'
import type { PlaceWish } from './sub-account-request.ts'
import { refusedBy } from './sub-accounts.ts'

/** Where operators put accounts in chains of resellers: anywhere that makes a chain. */
export type AccountPlacing = Readonly<{
  place(account: string, wish: PlaceWish, by: string): Promise<AccountView>
}>

export function accountPlacing({ registry }: Readonly<{ registry: Registry }>): AccountPlacing {
  return {
    async place(id, { isDisabled, ...placing }, by) {
      const refusal = await registry.place(id, placing, by)
      if (refusal !== undefined) throw refusedBy(refusal)
      if (isDisabled !== undefined) await registry.setAccount(id, { isDisabled }, by)
      const view = registry.account(id)
      if (view === undefined) throw new Failure('not_found', 'There is no such account.')
      return view
    },
  }
}
