import crypto from 'node:crypto'
import { promisify } from 'node:util'
import { Failure } from '../domain/failure.ts'
import type { Passwords } from '../ports/passwords.ts'

const scrypt = promisify<
  crypto.BinaryLike,
  crypto.BinaryLike,
  number,
  crypto.ScryptOptions,
  Buffer
>(crypto.scrypt)

/** 32 MiB and about 100 ms each: so few at a time that requests do not feel it, and only so many wait. */
const COST = { N: 2 ** 15, r: 8, p: 1 }
const MEMORY_MAX = 64 * 1024 * 1024
const KEY_BYTES = 32
const RUNNING_MAX = 2
const WAITING_MAX = 64

/** `scrypt$N$r$p$salt$key`: what is there says by itself how to check it, also when the cost is raised later. */
const FORM = /^scrypt\$(\d+)\$(\d+)\$(\d+)\$([\w-]+)\$([\w-]+)$/

export function scryptPasswords(): Passwords {
  const turn = turns()
  const derive = (password: string, salt: Buffer, cost: typeof COST): Promise<Buffer> =>
    turn(() => scrypt(password.normalize('NFKC'), salt, KEY_BYTES, { ...cost, maxmem: MEMORY_MAX }))
  const hash = async (password: string): Promise<string> => {
    const salt = crypto.randomBytes(16)
    const key = await derive(password, salt, COST)
    const { N, r, p } = COST
    return `scrypt$${N}$${r}$${p}$${salt.toString('base64url')}$${key.toString('base64url')}`
  }
  return {
    hash,
    async matches(password, stored) {
      const [, N, r, p, salt = '', key = ''] = FORM.exec(stored ?? '') ?? []
      const cost = N === undefined ? COST : { N: Number(N), r: Number(r), p: Number(p) }
      const due = Buffer.from(key, 'base64url')
      const found = await derive(password, Buffer.from(salt, 'base64url'), cost)
      return due.length === found.length && crypto.timingSafeEqual(due, found)
    },
  }
}

/** Two run, the next ones wait in their order, and the rest is told to come again. */
function turns() {
  const waiting: (() => void)[] = []
  let running = 0
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (waiting.length >= WAITING_MAX)
      throw new Failure('overloaded', 'Too many sign in at this moment. Try again shortly.', {
        retryAfterMs: 2_000,
      })
    if (running >= RUNNING_MAX) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
