/** Why a command did nothing, and the code that it ends with. */
export function tellFailure(error: unknown, exitCode = 1): void {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nSee --help.\n`)
  process.exitCode = exitCode
}
