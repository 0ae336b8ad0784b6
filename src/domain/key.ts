/** What is kept of a caller's secret: its hash, never the secret. */
export type KeyRecord = Readonly<{
  id: string
  /** SHA-256 of the secret, in hex. */
  hash: string
  account: string
  role: 'user' | 'admin'
  /** The first characters and the last four, to recognise the key by. */
  hint: string
  createdAt: number
  expiresAt?: number
  /** The only models it may use; absent means all. */
  models?: readonly string[]
  /** Easier to guess than 128 random bits: came from elsewhere, and is to be replaced. */
  weak?: true
  revokedAt?: number
}>

export function isUsable(key: KeyRecord, nowMs: number): boolean {
  return key.revokedAt === undefined && (key.expiresAt === undefined || nowMs < key.expiresAt)
}

export const mayUse = (key: KeyRecord, model: string): boolean =>
  key.models === undefined || key.models.includes(model)
