/** Runs while it is somebody's turn, each time anew; told once that it is over, when they have let it run out. */
export class Patience {
  readonly #ms: number
  readonly #onOver: () => void
  #timer: NodeJS.Timeout | undefined
  #isDone = false

  constructor(ms: number, onOver: () => void) {
    this.#ms = ms
    this.#onOver = onOver
  }

  start(): void {
    clearTimeout(this.#timer)
    if (!this.#isDone) this.#timer = setTimeout(this.#onOver, this.#ms)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  /** It is nobody's turn any more. */
  end(): void {
    this.#isDone = true
    this.stop()
  }
}
