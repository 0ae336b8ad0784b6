/** A column of numbers that grows. */
export class Growing {
  #values = new Float64Array(256)
  length = 0

  get(index: number): number {
    return this.#values[index] ?? 0
  }

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float64Array(this.length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.length++] = value
  }

  add(index: number, value: number): void {
    this.#values[index] = this.get(index) + value
  }

  /** As it is now: not to be kept over the next push. */
  values(): Float64Array {
    return this.#values.subarray(0, this.length)
  }
}

/** Texts as small numbers, counted up in the order in which they are first seen. */
export class Codes<T extends string | number> {
  readonly list: T[] = []
  readonly #codes = new Map<T, number>()
  /** Mostly it comes again. */
  #last = 0

  of(value: T): number {
    if (this.list[this.#last] === value) return this.#last
    const known = this.#codes.get(value)
    if (known !== undefined) return (this.#last = known)
    this.#codes.set(value, this.list.length)
    return (this.#last = this.list.push(value) - 1)
  }

  find(value: T): number | undefined {
    return this.#codes.get(value)
  }
}
