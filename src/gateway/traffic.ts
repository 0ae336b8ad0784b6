import type { Fault } from '../domain/fault.ts'
import type { Deployment } from '../domain/model.ts'

/** Whether a deployment may be asked now, and why not. */
export type DeploymentState = Readonly<{
  kind: 'ready' | 'probing' | 'cooling' | 'open' | 'off' | 'full'
  /** For operators. */
  reason?: string
  /** When it will be asked again. */
  untilTicks?: number
}>

export type DeploymentView = Readonly<{
  id: string
  provider: string
  keyIndex: number
  state: DeploymentState
  inFlight: number
  firstByteMs: number | undefined
}>

/** What came of an attempt; without a fault and a first byte, nothing did: the caller left. */
export type Result = Readonly<{ fault?: Fault | undefined; firstByteMs?: number | undefined }>

/** An attempt that runs; ended exactly once. */
export interface Ticket {
  ended(result: Result): void
}

const READY: DeploymentState = { kind: 'ready' }
/** How much the newest answer moves the average. */
const NEWEST = 0.1

type Known = {
  readonly deployment: Deployment
  inFlight: number
  firstByteMs: number | undefined
}

/** What the gateway knows of its deployments, in memory; it outlives a reload of the configuration. */
export class Traffic {
  readonly #known = new Map<string, Known>()

  /** Cheap: asked for each candidate of each request. */
  stateOf(deployment: Deployment): DeploymentState {
    this.#knownOf(deployment)
    return READY
  }

  inFlight(deployment: Deployment): number {
    return this.#knownOf(deployment).inFlight
  }

  /** Moving average of the time to the first token; undefined while unknown. */
  firstByteMs(deployment: Deployment): number | undefined {
    return this.#knownOf(deployment).firstByteMs
  }

  begin(deployment: Deployment): Ticket {
    const known = this.#knownOf(deployment)
    known.inFlight++
    return new Running(known)
  }

  view(): readonly DeploymentView[] {
    return Array.from(this.#known.values(), ({ deployment, inFlight, firstByteMs }) => {
      const { id, provider, keyIndex } = deployment
      return { id, provider, keyIndex, state: this.stateOf(deployment), inFlight, firstByteMs }
    })
  }

  #knownOf(deployment: Deployment): Known {
    let known = this.#known.get(deployment.id)
    if (known === undefined) {
      known = { deployment, inFlight: 0, firstByteMs: undefined }
      this.#known.set(deployment.id, known)
    }
    return known
  }
}

class Running implements Ticket {
  readonly #known: Known

  constructor(known: Known) {
    this.#known = known
  }

  ended({ firstByteMs }: Result): void {
    const known = this.#known
    known.inFlight--
    if (firstByteMs === undefined) return
    const before = known.firstByteMs ?? firstByteMs
    known.firstByteMs = before + (firstByteMs - before) * NEWEST
  }
}
