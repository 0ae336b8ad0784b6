/** Makes secrets and ids that nobody can guess; the id of what a named call makes follows from its name. */
export interface Secrets {
  newKey(call?: string): Readonly<{ id: string; secret: string; hash: string; hint: string }>
  /** The record of a secret that somebody else made up. */
  keyFrom(secret: string): Readonly<{ hash: string; hint: string }>
  newId(prefix: string, call?: string): string
}
