import { z } from 'zod'
import type { AccountView, Placing, Registry } from '../ports/ledger.ts'
import { OPERATOR } from '../domain/account.ts'
import { Failure, invalidRequest } from '../domain/failure.ts'
import type { newPlace, PlaceWish } from './sub-account-request.ts'
import { pageOf, type Page, type PageQuery } from './page.ts'
import { placeView, refusedBy, type PlaceJson } from './sub-accounts.ts'

/** Where operators put accounts in chains of resellers: anywhere that makes a chain. */
export type AccountPlacing = Readonly<{
  /** A new account, without credit, in the tier of the one above it. */
  open(place: z.output<typeof newPlace>, by: string): Promise<AccountView>
  place(account: string, wish: PlaceWish, by: string): Promise<AccountView>
  /** Resellers, and their sub-accounts, in the order of their making. */
  list(query: PlaceQuery, page: PageQuery): Page<PlaceJson>
}>

export const placeQuery = z.strictObject({
  parent: z.string().optional().meta({ description: 'The sub-accounts of this account alone' }),
})
type PlaceQuery = z.output<typeof placeQuery>

export function accountPlacing({ registry }: Readonly<{ registry: Registry }>): AccountPlacing {
  const found = (id: string): AccountView => {
    const view = registry.account(id)
    if (view !== undefined) return view
    throw new Failure('not_found', 'There is no such account.')
  }
  return {
    async open(wish, by) {
      if (wish.id === OPERATOR) throw taken()
      const tier = registry.account(wish.parent)?.tier ?? 'free'
      const refusal = await registry.openSubAccount({ ...wish, tier, by })
      if (refusal === 'exists') throw taken()
      if (refusal !== undefined) throw refusedBy(refusal)
      return found(wish.id)
    },
    async place(id, { isDisabled, ...placing }, by) {
      const refusal = await registry.place(id, bound(placing), by)
      if (refusal !== undefined) throw refusedBy(refusal)
      if (isDisabled !== undefined) await registry.setAccount(id, { isDisabled }, by)
      return found(id)
    },
    list: ({ parent }, page) =>
      pageOf(registry.accounts(page.from), page, (one) => {
        if (one.reselling === undefined) return undefined
        return parent === undefined || one.reselling.parent === parent ? placeView(one) : undefined
      }),
  }
}

const bound = (placing: Placing): Placing =>
  placing.cap === undefined ? placing : { ...placing, word: 'operator' }

const taken = (): Failure => invalidRequest('This name is taken. Choose another.', 'account')
