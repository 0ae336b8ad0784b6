import { keyIssuing } from '../admin/issue-key.ts'
import { establishMasterKey } from '../admin/master-key.ts'
import type { Config, Secrets } from '../config/config.ts'
import { nodeSecrets } from '../credentials/node-secrets.ts'
import { micro } from '../domain/money.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import { systemClock } from './clock.ts'

/** Secrets made at this start, to be shown this once. */
export type FirstStart = Readonly<{ adminKey: string | undefined; demoKey: string | undefined }>

const DEMO = { account: 'demo', model: 'demo', credits: micro(10_000n * 1_000_000n) } as const

/** Makes what is missing in new books: the master key, and an account for the demo where nothing else can be asked. */
export async function firstStart({
  store,
  secrets,
  config,
}: {
  store: Store
  secrets: Secrets
  config: Config
}): Promise<FirstStart> {
  const made = nodeSecrets(store.keys.hashOf)
  const adminKey = await establishMasterKey(store.registry, made, secrets.adminFirst)
  if (!config.isDemo || store.registry.account(DEMO.account) !== undefined) {
    return { adminKey, demoKey: undefined }
  }
  const issuing = keyIssuing({
    ...{ registry: store.registry, secrets: made, nowMs: systemClock.nowMs },
    ...{ hasTier: () => true, hasModel: () => true, keyOf: () => undefined },
  })
  // It may use the demo alone, so that its credit is worth nothing once real providers are on.
  const { secret } = await issuing.issue(
    { role: 'user', account: DEMO.account, credits: DEMO.credits, models: [DEMO.model] },
    { by: 'gateway', role: 'owner' },
  )
  return { adminKey, demoKey: secret }
}
