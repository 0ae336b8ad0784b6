import { randomBytes } from 'node:crypto'
import { codes, type Codes } from '../admin/codes.ts'
import { invitations, type Invitations } from '../admin/invitations.ts'
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
    hasKey: (id) => store.keys.withId(id) !== undefined,
  }),
  places: accountPlacing(store),
  codes: codesFor(store),
  invitations: invitationsFor(store, config),
})

export const codesFor = (store: Store): Codes =>
  codes({
    ...{ vouchers: store.vouchers, secrets: nodeSecrets(store.keys.hashOf) },
    randomCode: () => BigInt(`0x${randomBytes(12).toString('hex')}`) >> 6n,
    ...{ nowMs: systemClock.nowMs, ticksMs: systemClock.ticksMs },
  })

export const invitationsFor = (store: Store, config: () => Config): Invitations =>
  invitations({
    ...{ vouchers: store.vouchers, secrets: nodeSecrets(store.keys.hashOf) },
    ticksMs: systemClock.ticksMs,
    bonus() {
      const { inviter, invited } = config().invitations
      return inviter + invited === 0n ? undefined : { inviter, invited }
    },
  })
