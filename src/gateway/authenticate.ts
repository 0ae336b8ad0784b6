import { Failure } from '../domain/failure.ts'
import { isUsable, mayUse, type KeyRecord } from '../domain/key.ts'
import type { House } from './house.ts'

/** Missing, malformed, unknown, revoked and expired take the same path to the same answer. */
export function authenticate(
  { keys, clock }: Pick<House, 'keys' | 'clock'>,
  credential: string | undefined,
): KeyRecord {
  const key = keys.find(keys.hashOf(credential ?? ''))
  if (key !== undefined && isUsable(key, clock.nowMs())) return key
  throw new Failure(
    'invalid_api_key',
    'Invalid API key. Send a valid key as "Authorization: Bearer <key>"; the operator of this gateway issues keys.',
  )
}

/** Admin keys administer and do not spend. */
export function authorize(key: KeyRecord, asked: string, model: string): void {
  if (key.role === 'admin') {
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
