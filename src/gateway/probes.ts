import type { Clock } from '../ports/clock.ts'
import type { Events } from '../ports/events.ts'
import type { Probed, Providers } from '../ports/provider.ts'
import type { KeyTraffic } from './key-traffic.ts'
import type { Traffic } from './traffic.ts'

export type ProbeSettings = Readonly<{ everyMs: number; timeoutMs: number }>

type Needs = Readonly<{
  traffic: Traffic
  providers: Providers
  clock: Clock
  /** From 0 to below 1. */
  chance: () => number
  events: Pick<Events, 'bug'>
  /** Undefined: the provider is asked for nothing but to find out whether it takes a refused key again. */
  settings: (provider: string) => ProbeSettings | undefined
}>

/** How often it is looked whether somebody is to be asked. */
const LOOK_MS = 250
/** So that many gateways, and many keys of one, do not ask at the same moment. */
const JITTER = 0.1
/** For a refused key of a provider that is not asked otherwise. */
const SLOW: ProbeSettings = { everyMs: 60_000, timeoutMs: 5_000 }

/** When it was asked last, and after which share of the interval it is asked again. */
type Turn = Readonly<{ sinceTicks: number; share: number }>

/**
 * Asks providers whether they are well, at the operator's pace; and once for each key that was refused and is due to be
 * tried again, so that no caller's request has to find out.
 */
export class Probes {
  readonly #needs: Needs
  readonly #turns = new WeakMap<KeyTraffic, Turn>()
  readonly #asking = new WeakSet<KeyTraffic>()
  #cancel: (() => void) | undefined
  #isStopped = false

  constructor(needs: Needs) {
    this.#needs = needs
  }

  start(): void {
    this.#cancel = this.#needs.clock.after(LOOK_MS, () => {
      for (const key of this.#needs.traffic.keys()) this.#look(key)
      this.start()
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  #look(key: KeyTraffic): void {
    const { clock, settings } = this.#needs
    const now = clock.ticksMs()
    const wanted = settings(key.provider)
    if (wanted === undefined) key.unprobed()
    if (wanted === undefined && key.health.state(now) !== 'probe') return
    if (this.#asking.has(key) || !this.#isDue(key, now, wanted)) return
    void this.#ask(key, wanted ?? SLOW)
  }

  /** The first time at any moment of the first interval, so that not all are asked at the start. */
  #isDue(key: KeyTraffic, now: number, wanted: ProbeSettings | undefined): boolean {
    const { chance } = this.#needs
    const turn = this.#turns.get(key)
    if (turn === undefined && wanted !== undefined) {
      this.#turns.set(key, { sinceTicks: now, share: chance() })
      return false
    }
    const { everyMs } = wanted ?? SLOW
    if (turn !== undefined && now - turn.sinceTicks < everyMs * turn.share) return false
    this.#turns.set(key, { sinceTicks: now, share: 1 - JITTER + 2 * JITTER * chance() })
    return true
  }

  async #ask(key: KeyTraffic, settings: ProbeSettings): Promise<void> {
    const { providers, clock, traffic, events } = this.#needs
    const probe = providers(key.provider)?.probe
    if (probe === undefined) return
    this.#asking.add(key)
    const sinceTicks = clock.ticksMs()
    const isKeyProbe = key.health.begin(sinceTicks)
    let probed: Probed = { kind: 'unknown', detail: 'a bug' }
    try {
      probed = await probe(key.keyIndex, settings.timeoutMs)
    } catch (error) {
      events.bug({ where: 'probe', error })
    } finally {
      if (isKeyProbe) key.health.probed()
      this.#asking.delete(key)
    }
    if (!this.#isStopped)
      traffic.probed(key, { probed, settings, ms: clock.ticksMs() - sinceTicks })
  }
}
