/**
 * Which choices of a stream have begun, and which have finished. Where one was asked for there is one, however its chunks
 * are numbered: some upstreams count the parts of an answer in the index of its choice.
 */
export class Choices {
  readonly #asked: number
  /** By index: whether its finish has come. */
  readonly #finished = new Map<number, boolean>()
  /** How many of them have begun and not finished. */
  #open = 0

  constructor(asked: number) {
    this.#asked = asked
  }

  /** A chunk of this choice has come by. What stands behind a finish begins nothing anew. */
  note(index: number, isFinish: boolean): void {
    const choice = this.#keyOf(index)
    const before = this.#finished.get(choice)
    if (before === true) return
    if (before === undefined) this.#open++
    if (isFinish) this.#open--
    this.#finished.set(choice, isFinish)
  }

  isFinished(index: number): boolean {
    return this.#finished.get(this.#keyOf(index)) === true
  }

  /** As many as were asked for. */
  get haveBegun(): boolean {
    return this.#finished.size >= this.#asked
  }

  /** None of them has been left in its middle: an upstream that says that this is the end may be believed. */
  get areWhole(): boolean {
    return this.#open === 0 && this.#finished.size > 0
  }

  /** Nothing is missing that was asked for, so it does not matter how the stream ends. */
  get haveFinished(): boolean {
    return this.areWhole && this.haveBegun
  }

  #keyOf(index: number): number {
    return this.#asked === 1 ? 0 : index
  }
}
