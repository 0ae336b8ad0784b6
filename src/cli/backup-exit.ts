import { DamagedBackup, WrongPassphrase } from '../wiring/backup.ts'

const REFUSED = 1
const DAMAGED = 2
const PASSPHRASE = 3

/** Tells why a backup was not made, or not used, and ends with the code that the help promises. */
export function failWith(error: unknown): void {
  process.stderr.write(`${messageOf(error)}\n`)
  if (error instanceof DamagedBackup) process.exitCode = DAMAGED
  else process.exitCode = error instanceof WrongPassphrase ? PASSPHRASE : REFUSED
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (!(error instanceof DamagedBackup)) return error.message
  return `The backup cannot be used: ${error.message}. Take another one; nothing was changed.`
}
