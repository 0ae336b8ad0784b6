import { ZERO, type MicroCredits } from '../../domain/money.ts'
import type { InFlight } from '../../ports/ledger.ts'
import type { Books } from '../books.ts'
import type { OpenHold } from '../open-hold.ts'

/** What each account of a chain has paid, the one that asked first. */
type Listener = (charges: readonly MicroCredits[]) => void

/** Open holds, for whoever wants to know what becomes of some of them: nearly always that is nobody. */
export class InFlightHolds {
  readonly #holds: Books['holds']
  readonly #listeners = new Map<string, Listener[]>()

  constructor({ holds }: Pick<Books, 'holds'>) {
    this.#holds = holds
  }

  get isWatched(): boolean {
    return this.#listeners.size > 0
  }

  of(kind: 'account' | 'key', id: string): readonly InFlight[] {
    const found: InFlight[] = []
    for (const hold of this.#holds.values()) {
      const level = kind === 'key' ? levelOfKey(hold, id) : levelOfAccount(hold, id)
      if (level === -1) continue
      const amount = level === 0 ? hold.amount : (hold.levels?.[level - 1]?.amount ?? ZERO)
      const whenEnded: InFlight['whenEnded'] = (listener) => {
        this.#listen(hold.id, (charges) => {
          listener(charges[level] ?? ZERO)
        })
      }
      found.push({ id: hold.id, amount, whenEnded })
    }
    return found
  }

  ended(id: string, charges: readonly MicroCredits[]): void {
    const listeners = this.#listeners.get(id) ?? []
    this.#listeners.delete(id)
    for (const listener of listeners) listener(charges)
  }

  #listen(id: string, listener: Listener): void {
    this.#listeners.set(id, [...(this.#listeners.get(id) ?? []), listener])
  }
}

const levelOfKey = ({ key }: OpenHold, id: string): number => (key === id ? 0 : -1)

/** Where in the chain of a hold the account stands: 0 is the one that asked; -1, nowhere. */
function levelOfAccount({ account, levels = [] }: OpenHold, id: string): number {
  if (account === id) return 0
  const above = levels.findIndex((level) => level.account === id)
  return above === -1 ? -1 : above + 1
}
