import type { Fault } from '../domain/fault.ts'
import type { Deployment } from '../domain/model.ts'
import type { Candidate } from '../domain/route.ts'
import type { Reply } from '../ports/reply.ts'
import type { Admitted } from './admit.ts'
import type { Answer } from './answer.ts'
import type { House } from './house.ts'
import type { Ticket } from './ticket.ts'

/** The answer is the one that its caller can cancel meanwhile. */
export type Failed = Readonly<{
  candidate: Candidate
  fault: Fault
  /** It got as far as a live connection. */
  wasSent: boolean
  answer: Pick<Answer, 'isStopped' | 'onStopped'>
}>

type Waiting = Readonly<{ admitted: Admitted; reply: Reply }>

/** A key that cools for no longer is waited for, when there is nowhere else to go. */
const COOL_MS_MAX = 5_000
/** Somebody sits and waits. */
const QUEUE_MS_MAX = 2_000
const QUEUE_SHARE = 0.1
/** Nobody does, as the caller says. */
const BATCH_QUEUE_MS_MAX = 10_000

/** What one request waits for: a breath before the next attempt, and a place. It ends where nobody wants the answer. */
export class Waits {
  readonly #house: House
  readonly #waiting: Waiting
  /** There was no place in time. */
  isFull = false
  #retries = 0
  #waitedMs = 0

  constructor(house: House, waiting: Waiting) {
    this.#house = house
    this.#waiting = waiting
  }

  /** The caller left, or cancelled. */
  isUnwanted(failed: Failed | undefined): boolean {
    return this.#waiting.reply.isGone || failed?.answer.isStopped === true
  }

  /** Its key cools for so short a time that it may be waited for. */
  coolsBriefly(candidate: Candidate): boolean {
    return this.#briefCoolMs(candidate) > 0
  }

  async pause(candidate: Candidate, failed: Failed): Promise<void> {
    const { traffic } = this.#house
    const isSame = candidate.deployment.provider === failed.candidate.deployment.provider
    const backOffMs =
      isSame && !ABOUT_NO_LOAD.has(failed.fault.kind) ? traffic.backOffMs(this.#retries) : 0
    this.#retries++
    const coolMs = failed.fault.kind === 'rate_limited' ? this.#briefCoolMs(candidate) : 0
    if (backOffMs + coolMs > 0) await this.#sleep(backOffMs + coolMs, failed)
  }

  /** At once, or as soon as there is one. An operator may have switched it off meanwhile. */
  async place({ deployment }: Candidate, failed: Failed | undefined): Promise<Ticket | undefined> {
    const { traffic } = this.#house
    if (this.#isInVain(deployment, failed)) return undefined
    if (traffic.hasRoom(deployment)) return traffic.begin(deployment)
    const ticket = await this.#queue(deployment, failed)
    if (ticket === undefined) this.isFull = true
    if (!this.#isInVain(deployment, failed)) return ticket
    ticket?.ended({ fault: undefined, firstByteMs: undefined, isStream: false })
    return undefined
  }

  #isInVain(deployment: Deployment, failed: Failed | undefined): boolean {
    return this.isUnwanted(failed) || this.#house.traffic.isSwitchedOff(deployment)
  }

  /** 0 for one that does not cool, or for too long. */
  #briefCoolMs({ deployment }: Candidate): number {
    const { kind, untilTicks = 0 } = this.#house.traffic.stateOf(deployment)
    const coolMs = kind === 'cooling' ? untilTicks - this.#house.clock.ticksMs() : 0
    return coolMs <= COOL_MS_MAX ? coolMs : 0
  }

  #sleep(ms: number, failed: Failed): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#house.clock.after(ms, resolve)
      this.#onUnwanted(failed, () => {
        stop()
        resolve()
      })
    })
  }

  /** All of a request's waits together are no longer than one. */
  async #queue(deployment: Deployment, failed: Failed | undefined): Promise<Ticket | undefined> {
    const { traffic, ledger, catalog, clock, events } = this.#house
    const { key, isBatch } = this.#waiting.admitted
    const { account } = key
    const usualMs = Math.min(QUEUE_MS_MAX, deployment.timeouts.totalMs * QUEUE_SHARE)
    const mostMs = isBatch ? BATCH_QUEUE_MS_MAX : usualMs
    if (this.#waitedMs >= mostMs) return undefined
    const sinceTicks = clock.ticksMs()
    const ticket = await traffic.wait(deployment, {
      account,
      weight: catalog.tier(ledger.account(account)?.tier ?? '').weight,
      waitMs: mostMs - this.#waitedMs,
      onGone: (listener) => {
        this.#onUnwanted(failed, listener)
      },
    })
    const waitedMs = clock.ticksMs() - sinceTicks
    this.#waitedMs += waitedMs
    events.waited(waitedMs, ticket !== undefined)
    return ticket
  }

  #onUnwanted(failed: Failed | undefined, listener: () => void): void {
    this.#waiting.reply.onGone(listener)
    failed?.answer.onStopped(listener)
  }
}

/** The same provider's next key or model needs no breath: the fault was about this one. */
const ABOUT_NO_LOAD: ReadonlySet<Fault['kind']> = new Set(['credential', 'misrouted'])
