/** Slow by nature, and never on the event loop. */
export interface Passwords {
  hash(password: string): Promise<string>
  /** Without a hash it takes as long and answers no. */
  matches(password: string, hash: string | undefined): Promise<boolean>
}
