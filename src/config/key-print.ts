import { createHash } from 'node:crypto'

/**
 * By what a provider's key is known from one list of keys to the next: its number changes when another one is taken out.
 * So short that nothing is to be had from it but that a key is the same.
 */
export const keyPrint = (key: string): string =>
  createHash('sha256').update(key).digest('hex').slice(0, 8)
