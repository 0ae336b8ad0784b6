import type { Limits } from './limit.ts'
import { isPattern, matchOf } from './model-name.ts'
import type { Role } from './role.ts'

/** What is kept of a caller's secret: its hash, never the secret. */
export type KeyRecord = Readonly<{
  id: string
  /** SHA-256 of the secret, in hex. */
  hash: string
  account: string
  role: Role
  /** The first characters and the last four, to recognise the key by. */
  hint: string
  createdAt: number
  expiresAt?: number
  /** The only models it may use, by name or by a pattern such as `openrouter/*`; absent means all. */
  models?: readonly string[]
  /** Besides those of its account; absent means none. */
  limits?: Limits
  /** Words of the operator's own, to find it by. */
  tags?: readonly string[]
  /** Easier to guess than 128 random bits: came from elsewhere, and is to be replaced. */
  weak?: true
  /** The first of the keys that it came after by rotation; absent where it came after none. */
  line?: string
  revokedAt?: number
}>

/** What its limits are counted under: another secret is no other key. */
export const lineOf = ({ id, line = id }: KeyRecord): string => line

export function isUsable(key: KeyRecord, nowMs: number): boolean {
  return key.revokedAt === undefined && (key.expiresAt === undefined || nowMs < key.expiresAt)
}

/** A key that may use a model may ask for it by its aliases, too; one limited to an alias knows no other name. */
export function mayUse({ models }: KeyRecord, asked: string, model: string): boolean {
  if (models === undefined) return true
  return models.some(
    (one) =>
      one === asked ||
      one === model ||
      (isPattern(one) && (matchOf(one, asked) !== undefined || matchOf(one, model) !== undefined)),
  )
}
