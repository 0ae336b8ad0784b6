import crypto from 'node:crypto'
import type { Keys } from '../../ports/keys.ts'
import type { Books } from '../books.ts'

/** A fast hash is right for secrets of 256 random bits, and a slow one would be a lever to stop the gateway. */
export const hashOfSecret = (secret: string): string => crypto.hash('sha256', secret, 'hex')

export const hashedKeys = (books: Books): Keys => ({
  hashOf: hashOfSecret,
  find: (hash) => books.keysByHash.get(hash),
  withId: (id) => books.keysById.get(id),
})
