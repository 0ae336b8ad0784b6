import { accountPlacing } from '../admin/places.ts'
import { subAccounts } from '../admin/sub-accounts.ts'
import type { Config } from '../config/config.ts'
import { nodeSecrets } from '../credentials/node-secrets.ts'
import { Routes } from '../domain/routes.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import { correctingFor } from './books.ts'
import { systemClock } from './clock.ts'

/** What resellers do with the accounts below theirs, and operators with all of them. */
export const resellingFor = (store: Store, config: () => Config) => ({
  subAccounts: subAccounts({
    ...{ registry: store.registry, correcting: correctingFor(store) },
    secrets: nodeSecrets(store.keys.hashOf),
    nowMs: systemClock.nowMs,
    hasModel: (name) => new Routes(config().models, config().aliases).offers(name),
  }),
  places: accountPlacing(store),
})
