const SLOTS = 240

/**
 * How much came within the last stretch of time. What comes is gathered in slots of a 240th of it, and a slot is counted
 * until the last moment of it is old enough: so no stretch ever holds more than was let in, and what was let in is
 * forgotten at most one slot late. Empty slots take no room.
 */
export class SlidingWindow {
  readonly #slotMs: number
  /** Those in which something came, oldest first, and how much of it. */
  readonly #slots: number[] = []
  readonly #amounts: number[] = []
  /** Those before it have been forgotten. */
  #first = 0
  #total = 0

  constructor(widthMs: number) {
    this.#slotMs = widthMs / SLOTS
  }

  total(nowTicks: number): number {
    this.#forgetOld(nowTicks)
    return this.#total
  }

  add(nowTicks: number, amount: number): void {
    const slot = Math.floor(nowTicks / this.#slotMs)
    const last = this.#slots.length - 1
    if (last >= this.#first && this.#slots[last] === slot) {
      this.#amounts[last] = (this.#amounts[last] ?? 0) + amount
    } else {
      this.#slots.push(slot)
      this.#amounts.push(amount)
    }
    this.#total += amount
  }

  /** Takes back some of what came then; what is forgotten cannot be. */
  takeBack(thenTicks: number, amount: number): void {
    const slot = Math.floor(thenTicks / this.#slotMs)
    let at = this.#slots.length - 1
    while (at >= this.#first && (this.#slots[at] ?? 0) > slot) at--
    if (at < this.#first || this.#slots[at] !== slot) return
    this.#amounts[at] = (this.#amounts[at] ?? 0) - amount
    this.#total -= amount
  }

  /** In how many milliseconds the total will have fallen to this much. */
  fallsTo(amount: number, nowTicks: number): number {
    this.#forgetOld(nowTicks)
    let left = this.#total
    for (let at = this.#first; at < this.#slots.length; at++) {
      left -= this.#amounts[at] ?? 0
      if (left <= amount) return this.#endOf(this.#slots[at] ?? 0) - nowTicks
    }
    return 0
  }

  #endOf(slot: number): number {
    return (slot + 1 + SLOTS) * this.#slotMs
  }

  #forgetOld(nowTicks: number): void {
    while (this.#first < this.#slots.length) {
      if (nowTicks < this.#endOf(this.#slots[this.#first] ?? 0)) break
      this.#total -= this.#amounts[this.#first] ?? 0
      this.#first++
    }
    if (this.#first <= SLOTS && this.#first < this.#slots.length) return
    this.#slots.splice(0, this.#first)
    this.#amounts.splice(0, this.#first)
    this.#first = 0
  }
}
