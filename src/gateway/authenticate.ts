import { Failure, invalidKey } from '../domain/failure.ts'
import { isUsable, mayUse, type KeyRecord } from '../domain/key.ts'
import { isStaff } from '../domain/role.ts'
import type { House } from './house.ts'

/** A caller's secret; or the record of a caller who is known already, by a token, say. */
export type Credential = string | KeyRecord | undefined

/** Missing, malformed, unknown, revoked and expired take the same path to the same answer. */
export function authenticate(
  { keys, clock }: Pick<House, 'keys' | 'clock'>,
  credential: Credential,
): KeyRecord {
  if (typeof credential === 'object') return credential
  const key = keys.find(keys.hashOf(credential ?? ''))
  if (key !== undefined && isUsable(key, clock.nowMs())) return key
  throw invalidKey()
}

/** Admin keys administer and do not spend. */
export function authorize(key: KeyRecord, asked: string, model: string): void {
  if (isStaff(key.role)) {
    throw new Failure(
      'key_not_allowed',
      'An admin key administers and does not chat. Use a user key (node scripts/token-gen.js --type user …).',
    )
  }
  if (mayUse(key, asked, model)) return
  throw new Failure(
    'key_not_allowed',
    `This key may not use the model '${asked}'. GET /v1/models lists those it may use.`,
    { param: 'model' },
  )
}
