import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileSource, memorySource } from './lines.ts'
import { decodeSidecar, encodeSidecar, type Identity, type Sidecar } from './sidecar.ts'
import type { Tally } from './tally.ts'

const NAME = /^([0-9]{8})\.usage$/
const fileName = (segment: number): string => `${String(segment).padStart(8, '0')}.usage`

/** Headers kept in memory, as their length in the files. */
const HEADER_BYTES_MAX = 48 * 1024 * 1024
/** One that is older than this was left by a process that died. */
const TEMPORARY_AGE_MS = 10 * 60_000

/** The folder of what is kept beside sealed segments. Nothing in it is the truth, and all of it can be deleted. */
export class Sidecars {
  readonly #folder: string
  readonly #known = new Map<number, Kept>()
  #headerBytes = 0

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Those that seem to be there. */
  list(): readonly number[] {
    if (!fs.existsSync(this.#folder)) return []
    return fs.readdirSync(this.#folder).flatMap((name) => {
      const segment = NAME.exec(name)?.[1]
      return segment === undefined ? [] : [Number(segment)]
    })
  }

  /** Undefined when there is none for this segment that can be believed. */
  find(segment: number, identity: () => Identity): Sidecar | undefined {
    const file = path.join(this.#folder, fileName(segment))
    const isThere = fs.existsSync(file)
    const known = this.#known.get(segment)
    if (known !== undefined && (isThere || known.isInMemory)) return known.sidecar
    const sidecar = isThere ? decodeSidecar(fileSource(file), identity()) : undefined
    if (sidecar !== undefined) this.#keep(segment, { sidecar, isInMemory: false })
    return sidecar
  }

  /** Makes one of a segment that was read to its end. Where the folder cannot be written, it stays in memory. */
  make(tally: Tally, first: string): Sidecar {
    const bytes = encodeSidecar(tally, first)
    const isWritten = this.#write(tally.segment, bytes)
    const file = path.join(this.#folder, fileName(tally.segment))
    const sidecar = decodeSidecar(isWritten ? fileSource(file) : memorySource(bytes), {
      ...{ first, bytes: tally.offset },
    })
    if (sidecar === undefined) throw new Error(`the sums of segment ${tally.segment} do not hold`)
    this.#keep(tally.segment, { sidecar, isInMemory: !isWritten })
    return sidecar
  }

  /** Whole under its name or not at all, whenever the process is killed. */
  #write(segment: number, bytes: Uint8Array): boolean {
    const file = path.join(this.#folder, fileName(segment))
    const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
    try {
      fs.mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
      this.#sweep()
      fs.writeFileSync(temporary, bytes, { mode: 0o600, flag: 'wx', flush: true })
      fs.renameSync(temporary, file)
      return true
    } catch {
      if (fs.existsSync(temporary)) fs.rmSync(temporary)
      return false // a full disk, or a folder that one may only read: it can be made again at any time
    }
  }

  #sweep(): void {
    for (const name of fs.readdirSync(this.#folder).filter((one) => one.endsWith('.tmp'))) {
      const file = path.join(this.#folder, name)
      const ageMs = Date.now() - (fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Infinity)
      if (ageMs > TEMPORARY_AGE_MS) fs.rmSync(file, { force: true })
    }
  }

  #keep(segment: number, kept: Kept): void {
    this.#known.set(segment, kept)
    this.#headerBytes += kept.sidecar.headerBytes
    for (const [oldest, { sidecar }] of this.#known) {
      if (this.#headerBytes <= HEADER_BYTES_MAX || oldest === segment) return
      this.#known.delete(oldest)
      this.#headerBytes -= sidecar.headerBytes
    }
  }
}

/** In memory: the folder could not be written. */
type Kept = Readonly<{ sidecar: Sidecar; isInMemory: boolean }>
