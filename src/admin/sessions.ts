import { Failure } from '../domain/failure.ts'
import { isUsable, type KeyRecord } from '../domain/key.ts'
import type { Keys } from '../ports/keys.ts'
import type { SessionSigner } from '../ports/session-signer.ts'
import { isMaster } from './master-key.ts'

/** Who acts: the admin key, directly or through a session that it began. */
type Actor = Readonly<{
  keyId: string
  /** As the journal names it. */
  by: string
}>

export type Sessions = Readonly<{
  begin(credential: string | undefined): Promise<{ token: string; expiresAt: number }>
  actor(credential: string | undefined): Promise<Actor>
}>

type Needs = Readonly<{ keys: Keys; signer: SessionSigner; nowMs: () => number; hours: number }>

/** Admin keys and the signed sessions they begin. A session ends with its key: the key is looked up each time. */
export function adminSessions({ keys, signer, nowMs, hours }: Needs): Sessions {
  const byKey = (credential: string | undefined): KeyRecord | undefined =>
    keys.find(keys.hashOf(credential ?? ''))
  return {
    async begin(credential) {
      const key = adminOf(byKey(credential), nowMs())
      const expiresAt = nowMs() + hours * 3_600_000
      return { token: await signer.sign({ subject: key.id, expiresAt }), expiresAt }
    },
    async actor(credential) {
      const id = credential?.includes('.') ? await signer.verify(credential) : undefined
      const key = adminOf(id === undefined ? byKey(credential) : keys.withId(id), nowMs())
      return { keyId: key.id, by: isMaster(key) ? 'master' : key.id }
    },
  }
}

function adminOf(key: KeyRecord | undefined, nowMs: number): KeyRecord {
  if (key === undefined || !isUsable(key, nowMs)) {
    throw new Failure(
      'invalid_api_key',
      'Invalid credentials. Send a valid admin key or session as a bearer token.',
    )
  }
  if (key.role === 'admin') return key
  throw new Failure('key_not_allowed', 'This needs an admin key.')
}
