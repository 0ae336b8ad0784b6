/** Bytes that are added to a few at a time, in memory of their own that doubles when it is full. */
export class GrowingBytes {
  #bytes: Buffer = NONE
  #length = 0

  get length(): number {
    return this.#length
  }

  add(bytes: Uint8Array, from: number, to: number): void {
    const needed = this.#length + to - from
    if (needed > this.#bytes.byteLength) this.#grow(needed)
    if (to - from > SHORT) this.#bytes.set(bytes.subarray(from, to), this.#length)
    else this.#copy(bytes, from, to)
    this.#length = needed
  }

  /** All of it as text; and it is empty again, with no memory kept. */
  take(): string {
    const text = this.#bytes.toString('utf8', 0, this.#length)
    this.#bytes = NONE
    this.#length = 0
    return text
  }

  /** A call into the engine costs more than a short text does. */
  #copy(bytes: Uint8Array, from: number, to: number): void {
    const target = this.#bytes
    let at = this.#length
    for (let index = from; index < to; index++) target[at++] = bytes[index] ?? 0
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(BYTES_MIN, 2 * this.#bytes.byteLength, needed))
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }
}

const NONE = Buffer.alloc(0)
const BYTES_MIN = 128
const SHORT = 32
