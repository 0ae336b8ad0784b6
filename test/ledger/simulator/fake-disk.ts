import fs from 'node:fs'
import path from 'node:path'
import { blockDisk } from '../../../src/store/lowdb/block-disk.ts'
import type { Disk, NodeDisk } from '../../../src/store/lowdb/disk.ts'
import type { Chance } from '../seeded.ts'

/**
 * A disk that keeps nothing it was not told to keep. Each call waits until the simulation answers it; a crash loses or
 * tears what was not answered yet. What is on it is written to a real folder when a process dies or closes a file, so
 * that the real recovery reads it there.
 */
const SECTOR = 512
/** Nobody is there any more to hear the answer. */
const NEVER = new Promise<never>(() => undefined)

type File = { readonly name: string; bytes: Buffer; length: number; isNamed: boolean }

export type Call = {
  readonly what: string
  /** It carries entries, or room for them. */
  readonly hasBytes: boolean
  /** Does all of it and answers. */
  readonly answer: () => void
  /** Says no, and has done nothing. */
  readonly refuse: (error: Error) => void
  /** Takes some of the bytes only, and says so; undefined for calls that have none. */
  readonly shorten?: (chance: Chance) => void
  /** The process dies, or the call fails, in the middle of it. */
  readonly tear: (chance: Chance) => void
  readonly break: (error: Error, chance: Chance) => void
}

type Manner = Readonly<{
  /** Some answer at once where others wait until the simulation says so. */
  isPrompt: boolean
  /** Some are written in whole blocks. */
  isInBlocks: boolean
}>

export class FakeDisk {
  readonly pending: Call[] = []
  readonly #open = new Map<number, File>()
  readonly #chance: Chance
  #files = 0
  #isDead = false
  /** What becomes of entries that it answers at once. */
  isFull = false
  mayBreak = false
  hasBroken = false

  readonly port: Disk

  constructor(chance: Chance, { isPrompt, isInBlocks }: Manner) {
    this.#chance = chance
    const disk = isInBlocks ? blockDisk(this.#calls) : this.#calls
    const answersNow = (bytes: Uint8Array): boolean =>
      bytes[0] !== 0 && !this.#isDead && isPrompt && chance.percent(70)
    this.port = {
      ...disk,
      append: (fd, bytes, offset) =>
        answersNow(bytes) ? disk.appendNow(fd, bytes, offset) : disk.append(fd, bytes, offset),
    }
  }

  readonly #calls: NodeDisk = {
    open: (file, flags) =>
      this.#ask(`open ${path.basename(file)} ${flags}`, () => this.#opened(file, flags)),
    append: (fd, bytes, offset) => this.#append(fd, Buffer.from(bytes), offset),
    appendNow: (fd, bytes, offset) => this.#appendNow(fd, Buffer.from(bytes), offset),
    readNow: (fd, bytes, offset) => {
      bytes.set(this.#of(fd).bytes.subarray(offset, offset + bytes.byteLength))
    },
    truncate: (fd, length) =>
      this.#ask(`truncate to ${length}`, () => {
        this.#cut(this.#of(fd), length)
      }),
    close: (fd) => {
      save(this.#of(fd))
      this.#open.delete(fd)
      return Promise.resolve()
    },
    syncFolder: () =>
      this.#ask('syncFolder', () => {
        for (const file of this.#open.values()) file.isNamed = true
      }),
  }

  /** What the next process finds. After a loss of power, files whose names were not synced may be gone. */
  die(chance: Chance, isPowerLoss: boolean): void {
    for (const call of this.pending.splice(0)) call.tear(chance)
    for (const file of this.#open.values()) {
      if (isPowerLoss && !file.isNamed && chance.percent(50)) fs.rmSync(file.name, { force: true })
      else save(file)
    }
    this.#open.clear()
    this.#isDead = true
  }

  /** Writes what is durable by now to where the audit reads it. */
  save(): void {
    for (const file of this.#open.values()) save(file)
  }

  #of(fd: number): File {
    const file = this.#open.get(fd)
    if (file === undefined) throw new Error(`file ${fd} is not open`)
    return file
  }

  #opened(name: string, flags: string): number {
    const isThere = fs.existsSync(name)
    if (flags === 'wx' && isThere)
      throw Object.assign(new Error(`EEXIST: ${name}`), { code: 'EEXIST' })
    const bytes = flags === 'r+' ? fs.readFileSync(name) : Buffer.alloc(0)
    const fd = ++this.#files
    this.#open.set(fd, { name, bytes, length: bytes.length, isNamed: isThere })
    return fd
  }

  #ask<T>(what: string, act: () => T): Promise<T> {
    if (this.#isDead) return NEVER
    return new Promise((resolve, reject) => {
      const answer = () => {
        try {
          resolve(act())
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      }
      const tear = (chance: Chance) => {
        if (chance.percent(50)) act()
      }
      const call = { what, hasBytes: false, answer, refuse: reject, tear, break: reject }
      this.pending.push(call)
    })
  }

  #appendNow(fd: number, bytes: Buffer, offset: number): number {
    const file = this.#of(fd)
    if (this.mayBreak && this.#chance.percent(1)) {
      tear(file, { bytes, offset }, this.#chance)
      this.hasBroken = true
      throw broken()
    }
    if (this.isFull && this.#chance.percent(50)) throw noSpace()
    const isShort = this.#chance.percent(this.isFull ? 100 : 5)
    const count = isShort ? partOf(bytes, offset, this.#chance) : bytes.length
    put(file, bytes.subarray(0, count), offset)
    return count
  }

  #append(fd: number, bytes: Buffer, offset: number): Promise<number> {
    if (this.#isDead) return NEVER
    const file = this.#of(fd)
    return new Promise((resolve, reject) => {
      const take = (count: number) => {
        put(file, bytes.subarray(0, count), offset)
        return count
      }
      this.pending.push({
        what: `append ${bytes.length} at ${offset} of ${path.basename(file.name)}`,
        hasBytes: true,
        answer: () => {
          resolve(take(bytes.length))
        },
        shorten: (chance) => {
          resolve(take(partOf(bytes, offset, chance)))
        },
        refuse: reject,
        tear: (chance) => {
          tear(file, { bytes, offset }, chance)
        },
        break: (error, chance) => {
          tear(file, { bytes, offset }, chance)
          reject(error)
        },
      })
    })
  }

  #cut(file: File, length: number): void {
    file.bytes.fill(0, length)
    file.length = length
  }
}

export const noSpace = () => Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })

export const broken = () => Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })

/** A full disk takes whole sectors, then no more. */
const partOf = (bytes: Buffer, offset: number, chance: Chance): number =>
  Math.max(0, sectorBefore(offset + chance.below(bytes.length)) - offset)

const sectorBefore = (offset: number): number => offset - (offset % SECTOR)

function put(file: File, bytes: Buffer, offset: number): void {
  const end = offset + bytes.length
  if (end > file.bytes.length)
    file.bytes = Buffer.concat([file.bytes], Math.max(end, 2 * file.bytes.length))
  bytes.copy(file.bytes, offset)
  file.length = Math.max(file.length, end)
}

/** Any of the sectors that a write touches may have reached the disk, in any order. */
function tear(
  file: File,
  { bytes, offset }: { bytes: Buffer; offset: number },
  chance: Chance,
): void {
  const kind = chance.pick(['none', 'beginning', 'any', 'all'] as const)
  if (kind === 'none') return
  const end = offset + bytes.length
  const beginning = offset + chance.below(bytes.length + 1)
  for (let from = offset; from < end;) {
    const to = Math.min(end, sectorBefore(from) + SECTOR)
    const isTaken = kind === 'all' || (kind === 'any' ? chance.percent(50) : to <= beginning)
    if (isTaken) put(file, bytes.subarray(from - offset, to - offset), from)
    from = to
  }
}

function save({ name, bytes, length }: File): void {
  fs.writeFileSync(name, bytes.subarray(0, length), { mode: 0o600 })
}
