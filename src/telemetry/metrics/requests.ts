/** What every settled request says of itself: attempts, time, tokens and money. Its own time is in docs/decisions/0022. */
import type { Registry } from 'prom-client'
import type { AttemptRecord } from '../../domain/entry.ts'
import type { Outcome } from '../../domain/outcome.ts'
import type { RequestEnded } from '../../ports/events.ts'
import { Counts, type Count } from './counts.ts'
import { genAiMetrics, type GenAi } from './gen-ai.ts'
import { Names, type DeploymentNames, type Offer } from './names.ts'
import { OTHER } from './series.ts'
import { Spending } from './spending.ts'

/** What a model that was asked for and a deployment that was asked for it are measured by. */
type Pairing = Readonly<{
  names: DeploymentNames
  genAi: GenAi
  answered: Count
  outcomeOf: (fault: string) => Count
}>

const ANSWERED = 'answered'
/** Pairings kept by the names that requests bring: more than configured ones come from wildcards alone. */
const KEPT_MAX = 2_000

export class RequestMetrics {
  readonly #offer: () => Offer
  readonly #metrics: ReturnType<typeof define>
  readonly #spending: Spending
  #known: Offer
  #names: Names
  #creditsPerUsd: number
  readonly #pairings = new Map<string, Map<string, Pairing>>()
  #kept = 0

  constructor(registry: Registry, offer: () => Offer) {
    this.#offer = offer
    this.#metrics = define(registry)
    this.#spending = new Spending(registry)
    this.#known = offer()
    this.#names = new Names(this.#known)
    this.#creditsPerUsd = Number(this.#known.accounting.creditsPerUsd)
  }

  /** The labels of this moment: a reload brings others. */
  get names(): Names {
    if (this.#offer() !== this.#known) this.#renew()
    return this.#names
  }

  ended(event: RequestEnded): void {
    const { attempts, model } = event
    const last = attempts.length - 1
    let before: Pairing | undefined
    for (let at = 0; at <= last; at++) {
      const attempt = attempts[at]
      if (attempt === undefined) continue
      const pairing = this.#pairing(model, attempt.deployment)
      this.#attempted(pairing, attempt, at === last ? event : undefined)
      // Who was asked beside another one is no retry: hedges have a metric of their own.
      if (before !== undefined && attempts[at - 1]?.fault !== 'outrun')
        this.#movedOn(before, pairing, attempts[at - 1])
      before = pairing
    }
    if (before !== undefined) observe(before.genAi, event)
    if (event.isStream) this.#streamed(event.outcome)
    this.#spend(event, before)
  }

  /** Only the last attempt's answer goes on after its first byte. */
  #attempted({ genAi, answered, outcomeOf }: Pairing, attempt: AttemptRecord, last?: RequestEnded) {
    const { fault, ms } = attempt
    if (fault !== undefined) {
      outcomeOf(fault).value++
      genAi.called(ms / 1_000, fault)
      return
    }
    answered.value++
    const restMs = last?.firstByteMs === undefined ? 0 : last.totalMs - last.firstByteMs
    genAi.called((ms + restMs) / 1_000, last?.outcome === 'cut' ? 'cut' : '')
    if (last?.isStream === true) genAi.firstChunk.observe(ms / 1_000)
  }

  #movedOn(from: Pairing, to: Pairing, failed: AttemptRecord | undefined): void {
    const { retries, fallbacks } = this.#metrics
    retries.of(to.names.provider).value++
    if (from.names.deployment === to.names.deployment) return
    const [source, target] = [from.names.deployment, to.names.deployment]
    fallbacks.of(source, target, failed?.fault ?? ANSWERED).value++
  }

  #streamed(outcome: Outcome): void {
    const side = ENDED_BY[outcome]
    if (side !== undefined) this.#metrics.aborted.of(side).value++
  }

  #spend(event: RequestEnded, pairing: Pairing | undefined): void {
    const model = this.#names.model(event.answeringModel)
    const provider = pairing?.names.provider ?? OTHER
    this.#spending.add(event, { model, provider, creditsPerUsd: this.#creditsPerUsd })
  }

  #pairing(model: string, deployment: string): Pairing {
    if (this.#offer() !== this.#known) this.#renew()
    return this.#pairings.get(model)?.get(deployment) ?? this.#pair(model, deployment)
  }

  #pair(model: string, deployment: string): Pairing {
    const asked = this.#names.model(model)
    const names = this.#names.deployment(deployment)
    const { provider, upstream } = names
    const outcomes = new Map<string, Count>()
    const outcomeOf = (outcome: string): Count => {
      const { attempts } = this.#metrics
      const known = outcomes.get(outcome)
      const count = known ?? attempts.of(provider, names.deployment, asked, outcome)
      if (known === undefined) outcomes.set(outcome, count)
      return count
    }
    const genAi = this.#metrics.genAi({ provider, asked, answered: upstream })
    const pairing = { names, genAi, outcomeOf, answered: outcomeOf(ANSWERED) }
    if (this.#kept < KEPT_MAX) {
      this.#kept++
      const ofModel = this.#pairings.get(model) ?? new Map<string, Pairing>()
      this.#pairings.set(model, ofModel.set(deployment, pairing))
    }
    return pairing
  }

  #renew(): void {
    this.#known = this.#offer()
    this.#names = new Names(this.#known)
    this.#creditsPerUsd = Number(this.#known.accounting.creditsPerUsd)
    this.#pairings.clear()
    this.#kept = 0
  }
}

/** Who ended a stream that did not finish. */
const ENDED_BY: Readonly<Partial<Record<Outcome, string>>> = {
  aborted: 'client',
  aborted_early: 'client',
  cut: 'upstream',
}

function observe(genAi: GenAi, event: RequestEnded): void {
  const { outcome, isStream, usage, firstByteMs, totalMs } = event
  genAi.served(totalMs / 1_000, outcome === 'finished' ? '' : outcome)
  if (usage !== undefined) genAi.used(usage)
  if (!isStream || firstByteMs === undefined) return
  genAi.firstToken.observe(firstByteMs / 1_000)
  if (outcome !== 'finished' || usage === undefined || usage.output < 2) return
  genAi.perOutputToken.observe((totalMs - firstByteMs) / 1_000 / (usage.output - 1))
}

function define(registry: Registry) {
  const metrics = {
    genAi: genAiMetrics(registry),
    attempts: new Counts({
      name: 'api_gateway_provider_attempts_total',
      help: 'Attempts at providers; outcome is answered, or the kind of the fault.',
      ...{ labels: ['provider', 'deployment', 'model', 'outcome'], registry },
    }),
    retries: new Counts({
      name: 'api_gateway_retries_total',
      help: 'Attempts after the first one of a request, by the provider that was asked again or instead.',
      ...{ labels: ['provider'], registry },
    }),
    fallbacks: new Counts({
      name: 'api_gateway_fallbacks_total',
      help: 'Attempts that went from one deployment to another, and the fault that was the reason.',
      ...{ labels: ['from', 'to', 'reason'], registry },
    }),
    aborted: new Counts({
      name: 'api_gateway_streams_aborted_total',
      help: 'Streams that did not finish, by the side that ended them: client or upstream.',
      ...{ labels: ['side'], registry },
    }),
  }
  // There from the start, because a rate is not seen of what appears with its first event.
  for (const side of Object.values(ENDED_BY)) metrics.aborted.of(side)
  return metrics
}
