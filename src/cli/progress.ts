/** A line that is written over on a terminal once it takes more than a moment; nothing elsewhere. */
export function progressLine(): {
  show: (step: string, share: number) => void
  clear: () => void
} {
  if (!process.stderr.isTTY) return { show: () => undefined, clear: () => undefined }
  let sayAt = performance.now() + 1_000
  return {
    show(step, share) {
      if (performance.now() < sayAt) return
      sayAt = performance.now() + 100
      process.stderr.write(`\r\x1b[K${step} … ${Math.floor(share * 100)} %`)
    },
    clear: () => process.stderr.write('\r\x1b[K'),
  }
}
