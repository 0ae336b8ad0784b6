/**
 * Which refs a kind of entry has named. Request ids count up within a run of the program, so a request costs a bit, and
 * a million of them 125 kB a kind; every other ref, and there is one for each deed of an operator, is kept as it is.
 */
export class SeenRefs {
  readonly #pages = new Map<string, Uint8Array>()
  readonly #others = new Set<string>()

  /** Notes a ref; false when this kind has named it before. */
  add(kind: string, ref: string): boolean {
    const { page, byte, bit } = placeOf(kind, ref)
    if (page === '') return this.#addOther(`${kind} ${ref}`)
    let bits = this.#pages.get(page)
    if (bits === undefined) this.#pages.set(page, (bits = new Uint8Array(PAGE_BYTES)))
    const before = bits[byte] ?? 0
    bits[byte] = before | bit
    return (before & bit) === 0
  }

  has(kind: string, ref: string): boolean {
    const { page, byte, bit } = placeOf(kind, ref)
    if (page === '') return this.#others.has(`${kind} ${ref}`)
    return ((this.#pages.get(page)?.[byte] ?? 0) & bit) !== 0
  }

  #addOther(name: string): boolean {
    const before = this.#others.size
    return this.#others.add(name).size > before
  }
}

const PAGE_BYTES = 512
const RUN_LENGTH = 'req_0123456789ab'.length
const NOWHERE = { page: '', byte: 0, bit: 0 }

/** Where a request id has its bit; refs of another form have none. */
function placeOf(kind: string, ref: string): typeof NOWHERE {
  if (!/^req_[0-9a-f]{12}\d{10}$/.test(ref)) return NOWHERE
  const count = Number(ref.slice(RUN_LENGTH))
  const byte = Math.floor(count / 8)
  const page = `${kind} ${ref.slice(0, RUN_LENGTH)} ${Math.floor(byte / PAGE_BYTES)}`
  return { page, byte: byte % PAGE_BYTES, bit: 1 << (count % 8) }
}
