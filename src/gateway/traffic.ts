// What the gateway knows of its deployments and of their providers' keys. It is told of each attempt, and asked by
// `choose` and `attempt`; the rules are in domain/.
import { ExtraBudget } from '../domain/hedge.ts'
import type { Deployment, Model } from '../domain/model.ts'
import type { ResilienceSettings } from '../domain/resilience.ts'
import { formerSwitchName, switchName, switchNamesOf, type SwitchTarget } from '../domain/switch.ts'
import { backOffMs, RetryBudget } from '../domain/retry-budget.ts'
import type { Clock } from '../ports/clock.ts'
import type { Events } from '../ports/events.ts'
import type { Probed } from '../ports/provider.ts'
import type { DeploymentState, DeploymentView, TrafficControl } from '../ports/traffic.ts'
import type { KeyTraffic, Wait } from './key-traffic.ts'
import { KnownDeployments } from './known-deployments.ts'
import { refuse, Ticket } from './ticket.ts'

export type TrafficNeeds = Readonly<{
  clock: Clock
  events: Pick<Events, 'notice' | 'warning' | 'problem'>
  /** From 0 to below 1. */
  chance: () => number
  settings: () => ResilienceSettings
  /** Those of the configuration: operators see them all, asked or not. */
  deployments: () => Iterable<Deployment>
  /** What operators had switched off before this start, by `switchName`. */
  switchedOff: Iterable<string>
}>

type ProbeEnd = Readonly<{ probed: Probed; settings: Readonly<{ everyMs: number }>; ms: number }>

const READY: DeploymentState = { kind: 'ready' }
const PROBING: DeploymentState = { kind: 'probing', reason: 'the next request finds out' }
const SWITCHED_OFF: DeploymentState = {
  kind: 'off',
  reason: 'switched off by an operator',
  isSwitchedOff: true,
}
const DOWN: DeploymentState = { kind: 'open', reason: 'its probes do not reach it' }
/** Retries within ten seconds that are always within the budget of a provider; all together may have twice as much. */
const FLOOR = 3

/** In memory alone: a restart forgets it. */
export class Traffic implements TrafficControl {
  readonly #needs: TrafficNeeds
  readonly #known: KnownDeployments
  readonly #budgets = new Map<string, RetryBudget>()
  readonly #budget = new RetryBudget()
  readonly #extras = new Map<string, ExtraBudget>()
  /** What operators switched off. */
  readonly #off: Set<string>

  constructor(needs: TrafficNeeds) {
    this.#needs = needs
    this.#known = new KnownDeployments(needs.chance)
    this.#off = new Set(needs.switchedOff)
  }

  /** Cheap: asked for each candidate of each request. */
  stateOf(deployment: Deployment): DeploymentState {
    const known = this.#known.of(deployment)
    const { key, breaker } = known
    if (this.isSwitchedOff(deployment)) return SWITCHED_OFF
    const now = this.#needs.clock.ticksMs()
    const health = key.health.state(now)
    if (health === 'off' || health === 'cooling') return keyState(key, health)
    const state = breaker.state(now)
    if (key.isDown) return DOWN
    if (state === 'open') {
      return { kind: 'open', reason: 'it failed too often', untilTicks: breaker.untilTicks }
    }
    if (!key.hasRoom) return { kind: 'full', reason: `${key.inFlight} of ${key.most} in use` }
    return state === 'probe' || health === 'probe' ? PROBING : READY
  }

  inFlight(deployment: Deployment): number {
    return this.#known.of(deployment).inFlight
  }

  /** Moving average of the time to the first token; undefined while unknown. */
  firstByteMs(deployment: Deployment): number | undefined {
    return this.#known.of(deployment).firstByteMs
  }

  /** 95 of 100 first tokens of its streams come sooner; undefined while unknown. */
  lateMs(deployment: Deployment): number | undefined {
    return this.#known.of(deployment).lateMs.value
  }

  /** Its first token was not waited for, but would have taken at least so long. */
  late(deployment: Deployment, ms: number): void {
    this.#known.of(deployment).wasLate(ms)
  }

  /** What of a model's requests may be asked twice. */
  extraOf({ id }: Model): ExtraBudget {
    let budget = this.#extras.get(id)
    if (budget === undefined) this.#extras.set(id, (budget = new ExtraBudget()))
    return budget
  }

  /** Its last answer was one, or it has not been asked yet: the answer that can be had. */
  isProven(deployment: Deployment): boolean {
    return this.#known.of(deployment).isProven
  }

  /** A request arrived that this provider will be asked for first. */
  requested({ provider }: Deployment): void {
    const now = this.#needs.clock.ticksMs()
    this.#budgetOf(provider).requested(now)
    this.#budget.requested(now)
  }

  /** Whether another attempt after a failed one is within the retry budgets. */
  mayRetry(provider: string): boolean {
    const now = this.#needs.clock.ticksMs()
    const { retryShare: share } = this.#needs.settings()
    return (
      this.#budgetOf(provider).allows(now, { share, floor: FLOOR }) &&
      this.#budget.allows(now, { share: 2 * share, floor: 2 * FLOOR })
    )
  }

  retried(provider: string): void {
    const now = this.#needs.clock.ticksMs()
    this.#budgetOf(provider).retried(now)
    this.#budget.retried(now)
  }

  /** How long to stay away from a provider that has failed. */
  backOffMs(retries: number): number {
    return backOffMs(retries, this.#needs.chance())
  }

  /** Whether its key may have one more call at this moment. */
  hasRoom(deployment: Deployment): boolean {
    return this.#known.of(deployment).key.hasRoom
  }

  /** A ticket as soon as there is room; undefined when there was none in time. */
  wait(deployment: Deployment, wait: Wait): Promise<Ticket | undefined> {
    const { key } = this.#known.of(deployment)
    return key.wait(this.#needs.clock, wait, () => this.begin(deployment))
  }

  /** Taken for each attempt; ended exactly once with what came of it. */
  begin(deployment: Deployment): Ticket {
    return new Ticket(this.#needs, this.#known.of(deployment))
  }

  view(): readonly DeploymentView[] {
    const all = new Map(Array.from(this.#needs.deployments(), (one) => [one.id, one]))
    return Array.from(all.values(), (deployment) => {
      const { inFlight, firstByteMs, key } = this.#known.of(deployment)
      const { id, provider, keyIndex, keyPrint } = deployment
      return {
        ...{ id, provider, keyIndex, keyPrint },
        ...{ state: this.stateOf(deployment), inFlight, firstByteMs, waiting: key.waiting },
        limit: key.most === Infinity ? undefined : key.most,
        probe: key.probe,
      }
    })
  }

  /** All keys of the configuration. */
  keys(): Iterable<KeyTraffic> {
    return new Set(Array.from(this.#needs.deployments(), (one) => this.#known.of(one).key))
  }

  /** What a probe found out is as good as an attempt, but for what only an attempt can tell. */
  probed(key: KeyTraffic, { probed, settings, ms }: ProbeEnd): void {
    const now = this.#needs.clock.ticksMs()
    const { kind } = probed
    const detail = 'detail' in probed ? probed.detail : undefined
    key.probe = { atMs: this.#needs.clock.nowMs(), ms, result: kind, detail }
    const who = { provider: key.provider, key_number: key.keyIndex + 1 }
    if (kind === 'refused') refuse(this.#needs, key, probed.status)
    if (kind === 'down' && key.probedDown(now, settings.everyMs)) {
      this.#needs.events.warning('probes do not reach a provider', { ...who, detail })
    }
    if (kind !== 'well') return
    if (key.health.answeredProbe(now)) {
      this.#needs.events.notice('a provider takes its key again', who)
    }
    if (!key.probedWell()) return
    this.#needs.events.notice('probes reach a provider again', who)
    for (const known of this.#known.all()) if (known.key === key) known.breaker.mayProbe(now)
  }

  /** The configuration is another one, which may have room for those who wait. */
  reloaded(): void {
    this.#known.follow(this.#needs.deployments())
    const now = this.#needs.clock.ticksMs()
    for (const key of this.keys()) key.admit(now)
  }

  switchOff(target: SwitchTarget): void {
    this.#unsay(target)
    this.#off.add(switchName(target))
  }

  switchOn(target: SwitchTarget): void {
    this.#unsay(target)
    for (const known of this.#known.all()) {
      if (!switchNamesOf(known.deployment).includes(switchName(target))) continue
      known.forgive(this.#needs.chance)
    }
  }

  /** By an operator: then it is not even the last resort. */
  isSwitchedOff(deployment: Deployment): boolean {
    return this.#off.size > 0 && switchNamesOf(deployment).some((name) => this.#off.has(name))
  }

  #unsay(target: SwitchTarget): void {
    const former = formerSwitchName(target)
    if (former !== undefined) this.#off.delete(former)
    this.#off.delete(switchName(target))
  }

  #budgetOf(provider: string): RetryBudget {
    let budget = this.#budgets.get(provider)
    if (budget === undefined) this.#budgets.set(provider, (budget = new RetryBudget()))
    return budget
  }
}

function keyState(key: KeyTraffic, kind: 'off' | 'cooling'): DeploymentState {
  const reason =
    kind === 'off' ? 'the provider refuses its key' : 'the provider limits its key for a while'
  return { kind, reason, untilTicks: key.health.untilTicks }
}
