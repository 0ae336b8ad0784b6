import type { KeyRecord } from './key.ts'
import type { Role } from './role.ts'

/** Who does something, as far as the books and the rules of roles care. */
export type Doer = Pick<Actor, 'by' | 'role' | 'call'>

/** Somebody who asks: known by a key, or by a token that stands for one. */
export type Actor = Readonly<{
  /** As the journal names them: a key's id, `master`, `user:anna`. */
  by: string
  role: Role
  /** Of a token: what it allows, in the form of a key. */
  key: KeyRecord
  /**
   * The name of this one call, where it came under an idempotency key: what it makes has an id that follows from it. So the
   * books know what was made, and it is not made a second time, also after a restart.
   */
  call?: string
}>
