import { plain, type BooksText, type Line } from './audit-line.ts'

/** What operators have switched off, gathered again from the lines. */
export class SwitchSums {
  readonly #off = new Map<string, string>()

  begin({ switches = [] }: BooksText): void {
    for (const one of switches) this.#off.set(one.target, plain(one))
  }

  enter({ at, target, state, by }: Line): void {
    const name = String(target)
    if (state === 'off') this.#off.set(name, plain({ target, at, by }))
    else this.#off.delete(name)
  }

  /** As a snapshot has it. */
  addItems(items: Map<string, string>): void {
    for (const [target, text] of this.#off) items.set(`switch ${target}`, text)
  }
}
