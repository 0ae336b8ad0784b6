import { creditCorrecting, type CreditCorrecting } from '../admin/correct-credit.ts'
import { accountAdmin, type Accounts } from '../admin/accounts.ts'
import { keyAdmin, type KeyAdmin } from '../admin/keys.ts'
import { keyIssuing, type KeyIssuing } from '../admin/issue-key.ts'
import type { Config } from '../config/config.ts'
import { nodeSecrets } from '../credentials/node-secrets.ts'
import type { ClaimRequest } from '../store/lowdb/claim.ts'
import { Routes } from '../domain/routes.ts'
import type { Disk } from '../store/lowdb/disk.ts'
import { openStore, type Store } from '../store/lowdb/open-store.ts'
import { systemClock } from './clock.ts'

export type BooksOptions = Readonly<{
  dbDir: string
  purpose: ClaimRequest['purpose']
  onTrouble: (message: string, facts: Record<string, unknown>) => void
  diskFreeBytesMin?: () => number | undefined
  archive?: () => { to: string; afterMs: number } | undefined
  disk?: Disk
  onSumming?: (share: number) => void
}>

/** The exit code for a disk that cannot be believed: a supervisor starts again, and replay decides what is true. */
const EXIT_IO_ERROR = 74

export function openBooks({ dbDir, ...options }: BooksOptions): Promise<Store> {
  return openStore({
    ...{ dir: dbDir, ...options, now: systemClock.nowMs },
    onFatal: (error) => {
      process.stderr.write(
        `Tollgate: the disk failed to sync the journal (${String(error)}); stopping.\n`,
      )
      process.exit(EXIT_IO_ERROR)
    },
  })
}

/** Issues keys by the configuration in force at each call. */
export function issuingFor(store: Store, config: () => Config): KeyIssuing {
  return keyIssuing({
    registry: store.registry,
    secrets: nodeSecrets(store.keys.hashOf),
    nowMs: systemClock.nowMs,
    hasTier: (name) => config().tiers.has(name),
    hasModel: hasModel(config),
    keyOf: (id) => store.keys.withId(id),
  })
}

export const accountsFor = (store: Store, config: () => Config): Accounts =>
  accountAdmin({ registry: store.registry, hasTier: (name) => config().tiers.has(name) })

export const keysFor = (store: Store, config: () => Config): KeyAdmin =>
  keyAdmin({
    ...{ registry: store.registry, keys: store.keys, nowMs: systemClock.nowMs },
    secrets: nodeSecrets(store.keys.hashOf),
    hasModel: hasModel(config),
  })

const hasModel =
  (config: () => Config) =>
  (name: string): boolean =>
    new Routes(config().models, config().aliases).offers(name)

export const correctingFor = (store: Store): CreditCorrecting =>
  creditCorrecting({ registry: store.registry, secrets: nodeSecrets(store.keys.hashOf) })
