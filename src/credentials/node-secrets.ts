import crypto from 'node:crypto'
import type { Secrets } from '../ports/secrets.ts'
import { formatKey } from './key-format.ts'

export function nodeSecrets(hashOf: (secret: string) => string): Secrets {
  const newId = (prefix: string): string =>
    `${prefix}_${crypto.randomBytes(9).toString('base64url')}`
  const keyFrom = (secret: string) => ({ hash: hashOf(secret), hint: hintOf(secret) })
  return {
    newId,
    keyFrom,
    newKey() {
      const secret = formatKey(crypto.randomBytes(32))
      return { id: newId('key'), secret, ...keyFrom(secret) }
    },
  }
}

/** Enough to recognise a key by, and too little to guess it from: of a short one at most a quarter. */
function hintOf(secret: string): string {
  const share = Math.floor(secret.length / 8)
  const end = Math.min(4, share)
  return `${secret.slice(0, Math.min(5, share))}…${end === 0 ? '' : secret.slice(-end)}`
}
