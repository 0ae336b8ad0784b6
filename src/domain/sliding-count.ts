const BUCKETS = 10

/** How often something happened within the last ten seconds, to the second; a few numbers however often that was. */
export class SlidingCount {
  readonly #buckets = new Uint32Array(BUCKETS)
  #second = 0
  #total = 0

  add(nowTicks: number): void {
    this.#turnTo(nowTicks)
    const at = this.#second % BUCKETS
    this.#buckets[at] = (this.#buckets[at] ?? 0) + 1
    this.#total++
  }

  total(nowTicks: number): number {
    this.#turnTo(nowTicks)
    return this.#total
  }

  clear(): void {
    this.#buckets.fill(0)
    this.#total = 0
  }

  #turnTo(nowTicks: number): void {
    const second = Math.floor(nowTicks / 1_000)
    if (second === this.#second) return
    if (second - this.#second >= BUCKETS) this.clear()
    else {
      for (let passed = this.#second + 1; passed <= second; passed++) {
        this.#total -= this.#buckets[passed % BUCKETS] ?? 0
        this.#buckets[passed % BUCKETS] = 0
      }
    }
    this.#second = second
  }
}
