import { Failure, type FailureCode } from '../domain/failure.ts'
import { lineOf, type KeyRecord } from '../domain/key.ts'
import { serviceRule, type Rule, type Subject } from '../domain/limit-rule.ts'
import { isStaff } from '../domain/role.ts'
import { serviceAt, type Service } from '../domain/service.ts'
import type { Clock } from '../ports/clock.ts'
import type { Reply } from '../ports/reply.ts'
import {
  ServiceFault,
  type ServiceAnswer,
  type ServiceCall,
  type ServiceClient,
} from '../ports/service-client.ts'
import type { Limits } from './limits.ts'

export type ServiceNeeds = Readonly<{
  clock: Pick<Clock, 'ticksMs'>
  limits: Pick<Limits, 'claimRequest'>
  client: ServiceClient
  /** As the configuration has them at this moment. */
  services: () => readonly Service[]
}>

export type ServiceRequest = Omit<ServiceCall, 'instance' | 'timeoutMs'>

/** Who asks: known by a key, or by an address alone. */
export type Asker = Readonly<{
  key: KeyRecord
  address: string | undefined
  reply: Pick<Reply, 'announce'>
}>

/** An instance that took no connection is asked last for so long. */
const REST_MS = 10_000

/** Whose turn it is, and until when those that could not be reached rest. A reload forgets it. */
type State = { turn: number; readonly restingUntil: Map<string, number> }

/** The requests for services: limited, passed on to one of the instances, and answered or refused. */
export class ServiceCalls {
  readonly #needs: ServiceNeeds
  readonly #states = new WeakMap<Service, State>()
  #inFlight = 0
  #idleListeners: (() => void)[] = []

  constructor(needs: ServiceNeeds) {
    this.#needs = needs
  }

  find(path: string): Service | undefined {
    return serviceAt(this.#needs.services(), path)
  }

  /** By the last calls alone: whether some instance is not known to be away. */
  isReachable(service: Service): boolean {
    return this.#rested(service).length > 0
  }

  /** The answer may still break off. Throws the refusal; or a `ServiceFault`, where the caller has left. */
  async ask(service: Service, request: ServiceRequest, asker: Asker): Promise<ServiceAnswer> {
    const { key, reply } = asker
    const claim = await this.#needs.limits.claimRequest(key, rulesFor(service, asker), reply)
    try {
      return await this.#askInTurn(service, request)
    } catch (error) {
      if (!(error instanceof ServiceFault) || error.kind === 'left') throw error
      if (error.kind === 'unreachable') claim?.undo() // nothing went out
      throw failureOf(service, error)
    } finally {
      claim?.settleUnused()
    }
  }

  /** Until the work is done, the gateway does not stop on its own account. */
  async during(work: Promise<void>): Promise<void> {
    this.#inFlight++
    try {
      await work
    } finally {
      if (--this.#inFlight === 0) for (const tell of this.#idleListeners.splice(0)) tell()
    }
  }

  async idle(): Promise<void> {
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idleListeners.push(resolve))
  }

  close(): void {
    this.#needs.client.close()
  }

  /** Only where there was no connection is another one asked: anything else may have been done. */
  async #askInTurn(service: Service, request: ServiceRequest): Promise<ServiceAnswer> {
    const { client, clock } = this.#needs
    const { timeoutMs } = service
    const { restingUntil } = this.#stateOf(service)
    const lastTicks = clock.ticksMs() + timeoutMs
    let away: unknown
    for (const instance of this.#inOrder(service)) {
      if (away !== undefined && clock.ticksMs() >= lastTicks) break
      try {
        return await client.ask({ ...request, instance, timeoutMs })
      } catch (error) {
        if (!(error instanceof ServiceFault) || error.kind !== 'unreachable') throw error
        restingUntil.set(instance, clock.ticksMs() + REST_MS)
        away = error
      }
    }
    throw away
  }

  #inOrder(service: Service): readonly string[] {
    const rested = this.#rested(service)
    const first = this.#stateOf(service).turn++ % Math.max(rested.length, 1)
    const others = service.instances.filter((one) => !rested.includes(one))
    return [...rested.slice(first), ...rested.slice(0, first), ...others]
  }

  #rested(service: Service): readonly string[] {
    const { restingUntil } = this.#stateOf(service)
    const nowTicks = this.#needs.clock.ticksMs()
    return service.instances.filter((one) => nowTicks >= (restingUntil.get(one) ?? -Infinity))
  }

  #stateOf(service: Service): State {
    const known = this.#states.get(service)
    if (known !== undefined) return known
    const made = { turn: 0, restingUntil: new Map<string, number>() }
    this.#states.set(service, made)
    return made
  }
}

function rulesFor({ name, requestsPerMinute }: Service, asker: Asker): readonly Rule[] {
  return requestsPerMinute === 0 ? [] : [serviceRule(name, callerOf(asker), requestsPerMinute)]
}

/** More keys are not more callers; but the staff has one account in common. */
function callerOf({ key, address }: Asker): Subject {
  if (address !== undefined) return { kind: 'address', id: address }
  return isStaff(key.role) ? { kind: 'key', id: lineOf(key) } : { kind: 'account', id: key.account }
}

const COME_BACK_MS = 2_000

function failureOf({ name }: Service, { kind, cause }: ServiceFault): Failure {
  const [code, message] = REFUSALS[kind === 'left' ? 'broken' : kind]
  return new Failure(code, message(name), { retryAfterMs: COME_BACK_MS, cause })
}

const REFUSALS = {
  timeout: ['upstream_timeout', (name) => `Service timeout: '${name}' did not answer in time.`],
  unreachable: [
    'upstream_unavailable',
    (name) => `The service '${name}' cannot be reached at present.`,
  ],
  broken: ['upstream_error', (name) => `The service '${name}' gave no proper answer.`],
} as const satisfies Record<string, readonly [FailureCode, (name: string) => string]>
