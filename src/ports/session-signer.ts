import type { Role } from '../domain/role.ts'

/** A time during which somebody is known by a token instead of a key or a password. */
export type Session = Readonly<{
  id: string
  /** The id of the key that began it, or `user:` and the name of who signed in. */
  subject: string
  beganAt: number
  expiresAt: number
}>

/** Signs a session, and finds it again in a token that is whole and has not expired. */
export interface SessionSigner {
  sign(session: Session): Promise<string>
  verify(token: string): Promise<Session | undefined>
}

/** Somebody whom an issuer vouches for that the operator trusts. */
export type OutsideIdentity = Readonly<{
  /** The issuer's name in the configuration, and the subject there: `login/anna`. */
  subject: string
  account: string
  tier: string | undefined
  role: Role
  expiresAt: number
  /** An account that is not there is opened, without credit. */
  opensAccount: boolean
}>

/** Tokens of outside issuers. Undefined: none that is good here. */
export interface OutsideTokens {
  verify(token: string): Promise<OutsideIdentity | undefined>
}
