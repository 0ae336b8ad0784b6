import fs from 'node:fs'
import type { Environment } from '../config/config.ts'

const LENGTH_MIN = 12
const STDIN = 0

/** From the file that was named (`-`: from what is piped in), else from the environment; never from the command line, where others can read it. */
export function passphraseFrom(file: string | undefined, env: Environment): string | undefined {
  const text =
    file === undefined
      ? env['TOLLGATE_BACKUP_PASSPHRASE']
      : fs.readFileSync(file === '-' ? STDIN : file, 'utf8')
  const passphrase = text?.replace(/\r?\n$/, '')
  if (file === undefined && (passphrase === undefined || passphrase === '')) return undefined
  if (passphrase === undefined || passphrase.length < LENGTH_MIN)
    throw new Error(`The passphrase needs at least ${LENGTH_MIN} characters.`)
  return passphrase
}
