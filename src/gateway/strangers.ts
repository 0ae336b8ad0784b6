import { Failure } from '../domain/failure.ts'
import { addressRule, type RateRule } from '../domain/limit-rule.ts'
import { ZERO } from '../domain/money.ts'
import type { GatewaySettings } from '../ports/catalog.ts'
import type { Clock } from '../ports/clock.ts'
import type { Limiter, Standing, Verdict } from '../ports/limiter.ts'
import { durationText } from './limit-headers.ts'
import { limitRefusal } from './limit-refusal.ts'

export type StrangersNeeds = Readonly<{
  limiter: Limiter
  clock: Pick<Clock, 'ticksMs'>
  settings: () => GatewaySettings['strangers']
  tellTrouble: (error: unknown) => void
}>

/** How often it had to be told, and until when it was told to wait. */
type Told = { times: number; untilTicks: number }

const FIRST_MS = 60_000
const LONGEST_MS = 15 * 60_000
const TOLD_MAX = 50_000

/**
 * Those who have not said who they are, by their address. A valid key always passes, whatever came from its address
 * before, and no account or key can be locked by attempts to guess it: so nobody is kept out by somebody else behind the
 * same proxy.
 */
export class Strangers {
  readonly #needs: StrangersNeeds
  /** Oldest first. */
  readonly #told = new Map<string, Told>()

  constructor(needs: StrangersNeeds) {
    this.#needs = needs
  }

  /** Somebody asks without a key: how the limit stands, if there is one. Throws the refusal of those who do it too often. */
  async came(address: string): Promise<Standing | undefined> {
    const limit = this.#needs.settings().requestsPerMinute
    const { refusal, requests } = await this.#count(addressRule('requests', address, limit))
    if (refusal === undefined) return requests
    const { code, message, details } = limitRefusal(refusal, CLAIM)
    throw new Failure(code, message, { ...details, addressLimit: limit })
  }

  /**
   * A credential was wrong: what is answered, which is the refusal itself until there have been too many. From then on it
   * is a time to wait, which doubles whenever it goes on afterwards.
   */
  async failed(address: string, failure: Failure): Promise<Failure> {
    const nowTicks = this.#needs.clock.ticksMs()
    const told = this.#told.get(address)
    const limit = this.#needs.settings().failuresPerMinute
    if (told !== undefined && nowTicks < told.untilTicks)
      return tooMany(told.untilTicks - nowTicks, limit)
    const { refusal } = await this.#count(addressRule('failures', address, limit))
    if (refusal === undefined) return failure
    const times = told === undefined || nowTicks > told.untilTicks + LONGEST_MS ? 1 : told.times + 1
    const waitMs = Math.min(FIRST_MS * 2 ** (times - 1), LONGEST_MS)
    this.#remember(address, { times, untilTicks: nowTicks + waitMs })
    return tooMany(waitMs, limit)
  }

  async #count(rule: RateRule): Promise<Verdict> {
    if (rule.limit === 0) return UNCOUNTED
    try {
      const budget = this.#needs.limiter.budget([rule])
      return await budget.take({ ...CLAIM })
    } catch (error) {
      this.#needs.tellTrouble(error)
      return UNCOUNTED // it guards against nuisance, and is no reason to refuse everybody
    }
  }

  #remember(address: string, told: Told): void {
    const [oldest] = this.#told.keys()
    if (this.#told.size >= TOLD_MAX && oldest !== undefined) this.#told.delete(oldest)
    this.#told.delete(address)
    this.#told.set(address, told)
  }
}

const UNCOUNTED: Verdict = { refusal: undefined, requests: undefined, tokens: undefined }
const CLAIM = { tokens: 0, spend: ZERO, takenTicks: undefined }

const tooMany = (waitMs: number, addressLimit: number): Failure =>
  new Failure(
    'rate_limit_exceeded',
    `Too many attempts with an invalid key came from your address. Try again in ${durationText(waitMs)}, with a valid one: ` +
      'that is let in at any time.',
    { retryAfterMs: waitMs, addressLimit },
  )
