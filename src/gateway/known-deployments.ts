import type { Deployment } from '../domain/model.ts'
import { KeyTraffic } from './key-traffic.ts'
import { Known } from './ticket.ts'

/** More than anybody configures; a wildcard model can have any number. */
const KNOWN_MAX = 10_000

/**
 * What is known goes with the key itself, whatever its number: so it outlives a reload of the configuration, and does
 * not fall to another key that has taken the place of one that is gone.
 */
export class KnownDeployments {
  readonly #chance: () => number
  readonly #known = new Map<string, Known>()
  readonly #keys = new Map<string, KeyTraffic>()
  /** So that no request puts names together. */
  #quick = new WeakMap<Deployment, Known>()

  constructor(chance: () => number) {
    this.#chance = chance
  }

  of(deployment: Deployment): Known {
    return this.#quick.get(deployment) ?? this.#find(deployment)
  }

  all(): Iterable<Known> {
    return this.#known.values()
  }

  /**
   * The configuration has these now: whose key is not among them is forgotten, and the others have their new numbers
   * and limits. Requests that run keep what they know.
   */
  follow(deployments: Iterable<Deployment>): void {
    const keys = new Set<KeyTraffic>()
    for (const deployment of deployments) {
      const known = this.of(deployment)
      known.deployment = deployment
      known.key.keyIndex = deployment.keyIndex
      known.key.concurrencyMax = deployment.concurrencyMax
      keys.add(known.key)
    }
    for (const [name, key] of this.#keys) if (!keys.has(key)) this.#keys.delete(name)
    for (const [name, { key }] of this.#known) if (!keys.has(key)) this.#known.delete(name)
  }

  #find(deployment: Deployment): Known {
    const name = `${deployment.upstreamModel} ${keyName(deployment)}`
    let known = this.#known.get(name)
    if (known === undefined) {
      if (this.#known.size >= KNOWN_MAX) this.#forgetIdle()
      known = new Known(deployment, this.#keyOf(deployment), this.#chance)
      this.#known.set(name, known)
    }
    known.deployment = deployment
    this.#quick.set(deployment, known)
    return known
  }

  #keyOf(deployment: Deployment): KeyTraffic {
    const name = keyName(deployment)
    let key = this.#keys.get(name)
    if (key === undefined) this.#keys.set(name, (key = new KeyTraffic(deployment)))
    return key
  }

  /** Those of which nothing bad is known; where that is too little, the oldest, which callers have made up. */
  #forgetIdle(): void {
    this.#quick = new WeakMap()
    const idle = Array.from(this.#known).filter(([, { inFlight }]) => inFlight === 0)
    for (const [name, { isProven }] of idle) if (isProven) this.#known.delete(name)
    for (const [name] of idle) {
      if (this.#known.size <= KNOWN_MAX / 2) return
      this.#known.delete(name)
    }
  }
}

/** A provider that needs no key has one place all the same. */
const keyName = ({ provider, keyIndex, keyPrint }: Deployment): string =>
  `${provider}@${keyPrint ?? keyIndex}`
