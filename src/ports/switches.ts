/** What operators took out of use: it stays so until somebody takes it back, over any restart. */
export interface Switches {
  /** By the names that `switchName` gives. */
  off(): Iterable<string>
  /** Resolves when it is durable. */
  set(change: Readonly<{ target: string; isOn: boolean; by: string }>): Promise<void>
}
