/** Says on a terminal that the past is being added up, which is done once for each full segment of the journal. */
export function tellMaking(done: number, all: number): void {
  if (!process.stderr.isTTY) return
  process.stderr.write(`\r\x1b[KAdding up segment ${done + 1} of ${all} …`)
  if (done + 1 === all) process.stderr.write('\r\x1b[K')
}
