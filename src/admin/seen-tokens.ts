/** Checking a signature costs more than all the rest of a request; a token that was good is known by its hash. */
const KEPT_MAX = 10_000

/** The last so many that were asked for. */
export class SeenTokens<T> {
  readonly #kept = new Map<string, T>()

  get(name: string): T | undefined {
    return this.#kept.get(name)
  }

  add(name: string, what: T): void {
    const [oldest] = this.#kept.keys()
    if (this.#kept.size >= KEPT_MAX && oldest !== undefined) this.#kept.delete(oldest)
    this.#kept.set(name, what)
  }
}
