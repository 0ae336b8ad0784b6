import type { Role } from './role.ts'

/** Somebody else who says who is who: a login service whose tokens are good here. */
export type Issuer = Readonly<{
  /** The operator's name for it. */
  id: string
  /** As it names itself in its tokens. */
  issuer: string
  jwksUrl: string
  audience: string
  /** Asymmetric ones alone: the keys are public. */
  algorithms: readonly string[]
  accountClaim: string
  tierClaim: string
  roleClaim: string
  /** What its roles are here; whoever has none of these is a user. */
  roles: ReadonlyMap<string, Role>
  /** Opens an account that is not there, without credit. */
  opensAccounts: boolean
}>
