/** For what cannot be logged because the log itself is in trouble. */
export function tellStderr(what: string, error: unknown): void {
  if (process.stderr.listenerCount('error') === 0) {
    // Nobody reads standard error any more either: there is nowhere left to say it, and it must not end the process.
    process.stderr.on('error', () => undefined)
  }
  const reason = error instanceof Error ? error.message : String(error)
  process.stderr.write(`${what}: ${reason}\n`)
}
