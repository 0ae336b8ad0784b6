import { Breaker } from '../domain/breaker.ts'
import type { Fault } from '../domain/fault.ts'
import { MovingP95 } from '../domain/hedge.ts'
import { KeyHealth } from '../domain/key-health.ts'
import type { Deployment } from '../domain/model.ts'
import type { KeyTraffic } from './key-traffic.ts'
import type { TrafficNeeds } from './traffic.ts'

/** What came of an attempt. Without a fault and a first byte, nothing did: the caller left. */
export type Result = Readonly<{
  fault: Fault | undefined
  firstByteMs: number | undefined
  isStream: boolean
}>

/** How much the newest answer moves the average. */
const NEWEST = 0.1

/** A deployment, and what has come of it so far. */
export class Known {
  /** As the configuration has it now. */
  deployment: Deployment
  readonly key: KeyTraffic
  breaker: Breaker
  inFlight = 0
  /** The last attempt at it was answered, or there was none yet. */
  isProven = true
  firstByteMs: number | undefined
  /** Of streams. */
  readonly lateMs = new MovingP95()

  constructor(deployment: Deployment, key: KeyTraffic, chance: () => number) {
    this.deployment = deployment
    this.key = key
    this.breaker = new Breaker(chance)
  }

  began(firstByteMs: number, isStream: boolean): void {
    const before = this.firstByteMs ?? firstByteMs
    this.firstByteMs = before + (firstByteMs - before) * NEWEST
    if (isStream) this.lateMs.add(firstByteMs)
  }

  /** A stream was not waited for after so long: its first token would have come later still. */
  wasLate(ms: number): void {
    if (ms > (this.firstByteMs ?? 0)) this.began(ms, true)
  }

  /** Nothing is held against it or its key any more. */
  forgive(chance: () => number): void {
    this.breaker = new Breaker(chance)
    this.key.health = new KeyHealth()
    this.isProven = true
  }
}

/** An attempt that runs. What came of it is told once, and goes to the breaker, the key and the limit. */
export class Ticket {
  readonly #needs: TrafficNeeds
  readonly #known: Known
  readonly #begunTicks: number
  readonly #isProbe: boolean
  readonly #isKeyProbe: boolean

  constructor(needs: TrafficNeeds, known: Known) {
    const now = needs.clock.ticksMs()
    this.#needs = needs
    this.#known = known
    this.#begunTicks = now
    known.inFlight++
    known.key.inFlight++
    this.#isProbe = known.breaker.begin(now)
    this.#isKeyProbe = known.key.health.begin(now)
  }

  ended(result: Result): void {
    const now = this.#needs.clock.ticksMs()
    const { key } = this.#known
    const { inFlight } = key // as it was while this one ran, itself included
    this.#known.inFlight--
    key.inFlight--
    if (this.#isProbe) this.#known.breaker.probed()
    if (this.#isKeyProbe) key.health.probed()
    const { firstByteMs, isStream } = result
    if (firstByteMs !== undefined && isStream) key.limit.began(now, inFlight, firstByteMs)
    if (result.fault !== undefined) this.#failed(now, inFlight, result.fault)
    else if (firstByteMs !== undefined) this.#answered(now, inFlight, result)
    key.admit(now)
  }

  #answered(now: number, inFlight: number, { firstByteMs = 0, isStream }: Result): void {
    const known = this.#known
    known.began(firstByteMs, isStream)
    known.key.limit.answered(now, inFlight)
    this.#worked(now)
  }

  #failed(now: number, inFlight: number, fault: Fault): void {
    const { key } = this.#known
    if (fault.kind === 'refused') {
      this.#worked(now) // it works: it is the request that it does not like
      return
    }
    this.#known.isProven = false
    if (fault.kind === 'rate_limited') {
      key.health.limited(now, fault.retryAfterMs)
      key.limit.refused(now, inFlight, this.#begunTicks)
    } else if (fault.kind === 'credential') refuse(this.#needs, key, fault.status ?? 401)
    else {
      key.limit.troubled(now)
      this.#broke(now, fault)
    }
  }

  #worked(now: number): void {
    const { breaker, key, deployment } = this.#known
    key.worked(now)
    const wasOpen = breaker.state(now) !== 'closed'
    breaker.succeeded(now)
    this.#known.isProven = true
    const { events } = this.#needs
    if (wasOpen && breaker.state(now) === 'closed') {
      events.notice('a deployment works again', { deployment: deployment.id })
    }
    if (key.health.taken()) {
      events.notice('a provider takes its key again', {
        provider: key.provider,
        key_number: key.keyIndex + 1,
      })
    }
  }

  #broke(now: number, fault: Fault): void {
    const { breaker, deployment } = this.#known
    const { events, settings } = this.#needs
    const until = breaker.untilTicks
    breaker.failed(now, this.#isProbe, settings().breaker)
    if (breaker.untilTicks === until) return
    events.warning('a deployment fails and is left alone for a while', {
      ...{ deployment: deployment.id, fault: fault.kind },
      for_ms: Math.round(breaker.untilTicks - now),
    })
  }
}

/** The provider does not take its key. */
export function refuse(needs: TrafficNeeds, key: KeyTraffic, status: number): void {
  const { keyOffMs: offMs } = needs.settings()
  if (!key.health.refused(needs.clock.ticksMs(), { status, offMs })) return
  needs.events.problem('a provider refuses its key, which is off until a probe succeeds', {
    provider: key.provider,
    key_number: key.keyIndex + 1,
    ...{ status, probe_after_ms: offMs },
  })
}
