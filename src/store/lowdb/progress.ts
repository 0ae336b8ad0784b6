import type { Entry } from '../../domain/entry.ts'
import type { MicroCredits } from '../../domain/money.ts'
import { post, type Books } from '../books.ts'
import type { Journal } from './journal.ts'

/** A crash within this time of the dispatch finds no trace of it, and the hold is released. */
const WAIT_MS = 25

/** What requests would cost if the gateway died now. A note waits a moment: of one that ends within it there is no record. */
export class Progress {
  readonly #books: Books
  readonly #journal: Pick<Journal, 'flush'>
  readonly #now: () => number
  /**
   * First in lists, because nearly all leave at once, and a map that nearly all leave has to be made anew all the time.
   */
  #fresh: string[] = []
  #freshCosts: MicroCredits[] = []
  readonly #ripe = new Map<string, MicroCredits>()
  #ripening: NodeJS.Timeout | undefined

  constructor(books: Books, journal: Pick<Journal, 'flush'>, now: () => number) {
    this.#books = books
    this.#journal = journal
    this.#now = now
  }

  note(id: string, cost: MicroCredits): void {
    this.#fresh.push(id)
    this.#freshCosts.push(cost)
    this.#ripening ??= setTimeout(this.#ripen, WAIT_MS)
  }

  /** Called when a flush begins. */
  rideAlong(add: (entry: Entry) => void): void {
    if (this.#ripe.size === 0) return
    for (const [ref, amount] of this.#ripe) {
      const hold = this.#books.holds.get(ref)
      if (hold === undefined) continue
      const head = { kind: 'progress', at: this.#now(), account: hold.account, ref } as const
      const entry = { ...head, cost: amount.toString() }
      post(this.#books, entry, undefined)
      add(entry)
    }
    this.#ripe.clear()
  }

  #ripen = (): void => {
    const [ids, costs] = [this.#fresh, this.#freshCosts]
    this.#ripening = undefined
    this.#fresh = []
    this.#freshCosts = []
    for (const [at, id] of ids.entries()) {
      const cost = costs[at]
      if (cost !== undefined && this.#books.holds.has(id)) this.#ripe.set(id, cost)
    }
    this.#journal.flush()
  }
}
