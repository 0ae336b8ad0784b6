import type { Role } from './role.ts'

/** Somebody who signs in with a name and a password. */
export type UserRecord = Readonly<{
  name: string
  /** Whose credit a user spends; the operator's for the staff. */
  account: string
  role: Role
  /** The hash of the password, with all that is needed to check one against it. */
  password: string
  createdAt: number
  /** Sessions that began before are over. */
  changedAt: number
}>

/** What people type at a login: like the name of an account. */
export const USER_NAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/
