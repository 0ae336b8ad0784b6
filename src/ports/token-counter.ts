/** Counts model tokens when a provider did not report them. Slow by nature, so never asked on the ordinary path. */
export interface TokenCounter {
  count(texts: readonly string[]): Promise<readonly number[]>
  stop(): Promise<void>
}
