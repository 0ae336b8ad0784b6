/** Makes secrets and ids that nobody can guess. */
export interface Secrets {
  newKey(): Readonly<{ id: string; secret: string; hash: string; hint: string }>
  /** The record of a secret that somebody else made up. */
  keyFrom(secret: string): Readonly<{ hash: string; hint: string }>
  newId(prefix: string): string
}
