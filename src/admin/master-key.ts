import { OPERATOR } from '../domain/account.ts'
import type { KeyRecord } from '../domain/key.ts'
import type { Registry } from '../ports/ledger.ts'
import type { Secrets } from '../ports/secrets.ts'

/**
 * The master key is the one in the configuration, or, where none was ever set, one that is generated at the first start.
 * Returns a generated secret, to be shown this once. A configured key replaces the one before it.
 */
export async function establishMasterKey(
  registry: Registry,
  secrets: Secrets,
  configured: string | undefined,
): Promise<string | undefined> {
  const masters = registry.adminKeys().filter(isMaster)
  const current = masters.find((key) => key.revokedAt === undefined)
  if (configured !== undefined) {
    const wanted = secrets.keyFrom(configured)
    if (current?.hash === wanted.hash) return undefined
    if (current !== undefined) await registry.revokeKey(current.id, MASTER.by)
    await registry.addKey({ ...MASTER, ...wanted, id: secrets.newId(MASTER_PREFIX) })
    return undefined
  }
  if (current !== undefined) return undefined
  const { secret, hash, hint } = secrets.newKey()
  await registry.addKey({ ...MASTER, hash, hint, id: secrets.newId(MASTER_PREFIX) })
  return secret
}

const MASTER_PREFIX = 'key_master'
const MASTER = { account: OPERATOR, role: 'owner', by: 'gateway' } as const

export const isMaster = (key: KeyRecord): boolean => key.id.startsWith(`${MASTER_PREFIX}_`)
