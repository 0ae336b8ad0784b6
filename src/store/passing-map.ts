const RENEWED_AFTER = 1_024

/**
 * A map whose entries come and soon go again; it keeps their order. In V8 each table that a `Map` has used up leads to the
 * one after it. Once one of them has grown old, so do all that follow, with whatever stood in them when they were used up,
 * and are copied and kept until the next full collection. Here the entries move to a fresh map now and then, which nothing
 * old leads to: measured, a fifth of what replaying a segment took.
 */
export class PassingMap<K, V> {
  #entries = new Map<K, V>()
  #untilRenewed = RENEWED_AFTER

  get size(): number {
    return this.#entries.size
  }

  get(key: K): V | undefined {
    return this.#entries.get(key)
  }

  has(key: K): boolean {
    return this.#entries.has(key)
  }

  set(key: K, value: V): void {
    if (--this.#untilRenewed === 0) this.#renew()
    this.#entries.set(key, value)
  }

  delete(key: K): boolean {
    return this.#entries.delete(key)
  }

  keys(): MapIterator<K> {
    return this.#entries.keys()
  }

  values(): MapIterator<V> {
    return this.#entries.values()
  }

  /** The more there are, the more seldom: an entry is moved for every few that come. */
  #renew(): void {
    this.#entries = new Map(this.#entries)
    this.#untilRenewed = RENEWED_AFTER + 4 * this.#entries.size
  }
}
