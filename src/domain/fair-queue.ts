/** Once somebody has waited for so long, the newest go first: the oldest will hardly be served in time any more. */
const NEWEST_FIRST_MS = 500

type Waiting<T> = Readonly<{ item: T; sinceTicks: number }>

type Line<T> = {
  readonly account: string
  readonly waiting: Waiting<T>[]
  /** How many of it are served in one turn, and how many of them still are in this one. */
  readonly weight: number
  left: number
}

export type Place<T> = Readonly<{ account: string; weight: number; item: T }>

/** Who waits, an account at a time: one that sends much waits for itself, and not the others for it. */
export class FairQueue<T> {
  /** In the order of their turns. An account without anybody waiting is not here. */
  readonly #lines = new Map<string, Line<T>>()
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Returns how to leave; leaving twice, or after having been served, does nothing. */
  add({ account, weight, item }: Place<T>, nowTicks: number): () => void {
    const line = this.#lines.get(account) ?? { account, waiting: [], weight, left: weight }
    this.#lines.set(account, line)
    const waiting = { item, sinceTicks: nowTicks }
    line.waiting.push(waiting)
    this.#length++
    return () => {
      this.#remove(line, waiting)
    }
  }

  /** The next one, who is in the queue no more. When an account's turn is over, all others come first. */
  next(nowTicks: number): T | undefined {
    for (const line of this.#lines.values()) {
      const [oldest] = line.waiting
      const isLate = nowTicks - (oldest?.sinceTicks ?? nowTicks) > NEWEST_FIRST_MS
      const served = isLate ? line.waiting.at(-1) : oldest
      if (served === undefined) continue
      this.#remove(line, served)
      if (--line.left <= 0) this.#endTurn(line)
      return served.item
    }
    return undefined
  }

  #endTurn(line: Line<T>): void {
    line.left = line.weight
    if (this.#lines.delete(line.account)) this.#lines.set(line.account, line)
  }

  #remove(line: Line<T>, waiting: Waiting<T>): void {
    const at = line.waiting.indexOf(waiting)
    if (at < 0) return
    line.waiting.splice(at, 1)
    this.#length--
    if (line.waiting.length === 0) this.#lines.delete(line.account)
  }
}
