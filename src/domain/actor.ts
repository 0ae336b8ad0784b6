import type { KeyRecord } from './key.ts'
import type { Role } from './role.ts'

/** Who does something, as far as the books and the rules of roles care. */
export type Doer = Pick<Actor, 'by' | 'role'>

/** Somebody who asks: known by a key, or by a token that stands for one. */
export type Actor = Readonly<{
  /** As the journal names them: a key's id, `master`, `user:anna`. */
  by: string
  role: Role
  /** Of a token: what it allows, in the form of a key. */
  key: KeyRecord
}>
