/** Written over in place on a terminal; elsewhere a line every tenth of the way. Standard output stays clean. */
export function progressOf(label: string, total: number): (done: number) => void {
  let [saidTenths, saidAt] = [0, 0]
  const begun = performance.now()
  return (done) => {
    const seconds = ((performance.now() - begun) / 1000).toFixed(0)
    const line = `${label}: ${done} of ${total} (${seconds} s)`
    if (process.stderr.isTTY) {
      const isLast = done === total
      if (!isLast && performance.now() - saidAt < 100) return
      saidAt = performance.now()
      process.stderr.write(`\r\x1b[K${line}${isLast ? '\n' : ''}`)
      return
    }
    const tenths = Math.floor((10 * done) / total)
    if (tenths === saidTenths) return
    saidTenths = tenths
    process.stderr.write(`${line}\n`)
  }
}
