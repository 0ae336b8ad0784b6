import type { Actor } from '../domain/actor.ts'
import { Failure, invalidKey } from '../domain/failure.ts'
import { isUsable, type KeyRecord } from '../domain/key.ts'
import { isStaff } from '../domain/role.ts'
import type { Keys } from '../ports/keys.ts'
import type { SessionSigner } from '../ports/session-signer.ts'
import { isMaster } from './master-key.ts'

export type Identities = Readonly<{
  /** Who a credential belongs to: a key, or a session that one of the staff began. */
  identify(credential: string | undefined): Promise<Actor>
  /** A key of the staff for a session that ends by itself. */
  begin(credential: string | undefined): Promise<{ token: string; expiresAt: number }>
}>

type Needs = Readonly<{ keys: Keys; signer: SessionSigner; nowMs: () => number; hours: number }>

/** Keys, and the signed sessions they begin. A session ends with its key: the key is looked up each time. */
export function identities({ keys, signer, nowMs, hours }: Needs): Identities {
  const byKey = (credential: string | undefined): KeyRecord | undefined =>
    keys.find(keys.hashOf(credential ?? ''))
  return {
    async identify(credential) {
      const id = credential?.includes('.') ? await signer.verify(credential) : undefined
      return actorOf(id === undefined ? byKey(credential) : keys.withId(id), nowMs())
    },
    async begin(credential) {
      const { key, role } = actorOf(byKey(credential), nowMs())
      if (!isStaff(role)) throw new Failure('key_not_allowed', 'This needs an admin key.')
      const expiresAt = nowMs() + hours * 3_600_000
      return { token: await signer.sign({ subject: key.id, expiresAt }), expiresAt }
    },
  }
}

function actorOf(key: KeyRecord | undefined, nowMs: number): Actor {
  if (key === undefined || !isUsable(key, nowMs)) throw invalidKey()
  // Journals of older versions call the master key an admin's.
  return isMaster(key) ? { key, by: 'master', role: 'owner' } : { key, by: key.id, role: key.role }
}
