import type { OverloadSettings } from '../domain/pressure.ts'
import { overloaded } from '../gateway/overloaded.ts'
import type { House } from '../gateway/house.ts'
import { Rounds } from '../gateway/rounds.ts'

export type IntakeNeeds = Readonly<{
  house: Pick<House, 'load' | 'clock' | 'chance'>
  settings: () => OverloadSettings
}>

/** Where memory is scarce, only bodies up to here are taken. */
const LARGE_BYTES = 256 * 1024

/** The bodies of all requests in flight, and the memory that they have together. */
export class Intake {
  readonly rounds: Rounds
  readonly #needs: IntakeNeeds
  #bytes = 0

  constructor(needs: IntakeNeeds) {
    this.#needs = needs
    this.rounds = new Rounds(needs.house.clock)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Another piece of a body, which has `total` bytes with it. Throws the refusal where there is no room for it. */
  take(bytes: number, total: number): void {
    const { house, settings } = this.#needs
    if (total > LARGE_BYTES && !house.load.takesLargeBodies) {
      throw overloaded(house.chance, 'The gateway has no room for large bodies at the moment.')
    }
    if (this.#bytes + bytes > settings().bodyMemoryBytesMax) {
      throw overloaded(house.chance, 'The gateway has no room for this body at the moment.')
    }
    this.#bytes += bytes
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes
  }
}
