/** Both are powers of two. */
const SLOTS = 4_096
const SLOT_BYTES = 64

/** Bytes from `start` to `end`, and any number that mostly differs where they do. */
export type Hashed = Readonly<{ start: number; end: number; hash: number }>

/**
 * Names made of bytes. The same ones come again and again: what was made of the same bytes a while ago is found by their
 * hash, which takes less than making it again; and it is the same text, so whoever looks for it in a map has less to do.
 */
export class TextPool {
  readonly #texts = new Array<string>(SLOTS).fill('')
  /** What the texts were made of. */
  readonly #made = Buffer.alloc(SLOTS * SLOT_BYTES)

  /** Of ASCII. */
  text(bytes: Buffer, { start, end, hash }: Hashed): string {
    const length = end - start
    if (length > SLOT_BYTES) return bytes.toString('latin1', start, end)
    const slot = (hash ^ (hash >>> 12)) & (SLOTS - 1)
    const known = this.#texts[slot] ?? ''
    const made = this.#made
    const from = slot * SLOT_BYTES
    let same = known.length === length ? 0 : -1
    while (same >= 0 && same < length)
      same = made[from + same] === bytes[start + same] ? same + 1 : -1
    if (same === length) return known
    for (let at = 0; at < length; at++) made[from + at] = bytes[start + at] ?? 0
    return (this.#texts[slot] = bytes.toString('latin1', start, end))
  }
}
