import type { Refused, Strain } from '../domain/pressure.ts'

/** How loaded the process is, renewed every second: for a request it is one comparison. */
export interface Load {
  readonly refused: Refused
  readonly takesLargeBodies: boolean
  readonly strain: Strain
}
