export interface Clock {
  /** Wall-clock time in milliseconds: information only. */
  readonly nowMs: () => number
  /** Monotonic milliseconds: the measure of every age and duration. */
  readonly ticksMs: () => number
  /** Runs once after a while, unless the returned function is called first. Never keeps the process alive. */
  after(ms: number, run: () => void): () => void
}
