import crypto from 'node:crypto'
import type { Secrets } from '../ports/secrets.ts'
import { formatKey } from './key-format.ts'

export function nodeSecrets(hashOf: (secret: string) => string): Secrets {
  const newId = (prefix: string, call?: string): string =>
    `${prefix}_${idBytes(call).toString('base64url')}`
  const keyFrom = (secret: string) => ({ hash: hashOf(secret), hint: hintOf(secret) })
  return {
    newId,
    keyFrom,
    newKey(call) {
      const secret = newSecret()
      return { id: newId('key', call), secret, ...keyFrom(secret) }
    },
  }
}

export const newSecret = (): string => formatKey(crypto.randomBytes(32))

const ID_BYTES = 9

const idBytes = (call: string | undefined): Buffer =>
  call === undefined
    ? crypto.randomBytes(ID_BYTES)
    : crypto.createHash('sha256').update(call).digest().subarray(0, ID_BYTES)

/** Enough to recognise a key by, and too little to guess it from: of a short one at most a quarter. */
function hintOf(secret: string): string {
  const share = Math.floor(secret.length / 8)
  const end = Math.min(4, share)
  return `${secret.slice(0, Math.min(5, share))}…${end === 0 ? '' : secret.slice(-end)}`
}
