import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { slicesOf } from '../../../src/store/lowdb/live-accounts.ts'
import { makeSnapshot } from '../../../src/store/lowdb/make-snapshot.ts'
import { openStore, type Store } from '../../../src/store/lowdb/open-store.ts'
import { journalTail } from '../journal-tail.ts'
import { dbPaths } from '../../../src/store/lowdb/segments.ts'
import { UsageReader } from '../../../src/store/lowdb/usage/reader.ts'
import type { Chance } from '../seeded.ts'
import { FakeDisk } from './fake-disk.ts'
import { untilQuiet, type FakeTime } from './fake-time.ts'

const CORRECTIONS = new Set(['debit', 'adjust', 'transfer', 'refund'])
const SEGMENT_BYTES_MAX = 4_000
/** More calls and timers than any stop waits for. */
const ANSWERS_MAX = 10_000

/** One process after the other on one folder; each of them may die at any moment, also while it starts. */
export class World {
  readonly dir: string
  readonly #chance: Chance
  readonly #time: FakeTime
  #disk: FakeDisk
  #headBefore: Buffer | undefined
  /** What the process would have died of. */
  fatal: unknown
  /** What a process told its operator. */
  readonly troubles: string[] = []
  store: Store | undefined

  constructor(chance: Chance, time: FakeTime) {
    // In memory where there is such a folder, unless somebody says where: each restart writes the whole journal.
    const isFree = process.env['TMPDIR'] === undefined && fs.existsSync('/dev/shm')
    this.dir = fs.mkdtempSync(path.join(isFree ? '/dev/shm' : os.tmpdir(), 'tollgate-simulation-'))
    this.#chance = chance
    this.#time = time
    this.#disk = this.#newDisk()
  }

  get disk(): FakeDisk {
    return this.#disk
  }

  #newDisk = (): FakeDisk =>
    new FakeDisk(this.#chance, {
      isPrompt: this.#chance.percent(50),
      isInBlocks: this.#chance.percent(50),
    })

  /** Starts a process; undefined when it died on the way, by chance. */
  async start(): Promise<Store | undefined> {
    this.#disk = this.#newDisk()
    this.#headBefore = read(this.#headFile)
    this.fatal = undefined
    const opening: { store?: Store; failed?: unknown } = {}
    openStore({
      ...{ dir: this.dir, purpose: 'server', now: this.#time.now, disk: this.#disk.port },
      // So small that each run of a process fills a few; snapshots are made here, where a seed repeats.
      ...{ segmentBytesMax: SEGMENT_BYTES_MAX },
      makeSnapshot: ({ dir, upTo, accounts }) =>
        makeSnapshot({ dir, upTo, live: slicesOf(accounts), pace: () => undefined }),
      onTrouble: (message, facts) => {
        this.troubles.push(message, String(facts['error']))
      },
      onFatal: (error) => {
        this.fatal = error
      },
    }).then(
      (store) => (opening.store = store),
      (error: unknown) => (opening.failed = error),
    )
    for (;;) {
      await untilQuiet()
      if (opening.failed !== undefined) throw opening.failed as Error
      if (opening.store !== undefined) return (this.store = this.#withoutThread(opening.store))
      if (this.#chance.percent(2)) {
        await this.die()
        return undefined
      }
      this.#answerOne()
    }
  }

  /** A thread does not repeat exactly, so what it would read is read here, by the same code. */
  #withoutThread(store: Store): Store {
    const disk = this.#disk
    Object.assign(store.usage, {
      request: (id: string) => {
        disk.save()
        const [reader, end] = [new UsageReader(dbPaths(this.dir)), store.durableEnd()]
        for (const segment of reader.missing(end)) reader.make(segment)
        return Promise.resolve(reader.request(id, end))
      },
    })
    return store
  }

  /** kill -9, or the loss of power: what was not answered may be on the disk, in part or not at all. */
  async die(): Promise<void> {
    const isPowerLoss = this.#chance.percent(50)
    this.#disk.die(this.#chance, isPowerLoss)
    this.#time.forget()
    await untilQuiet()
    this.store = undefined
    // HEAD is never synced, so an older one may be there after a loss of power.
    const isOlder = isPowerLoss && this.#headBefore !== undefined && this.#chance.percent(50)
    if (isOlder && this.#headBefore !== undefined)
      fs.writeFileSync(this.#headFile, this.#headBefore)
    this.#leaveFolder()
  }

  /** Stops as a server does on SIGTERM; all that waits is answered. It may have to die on the way. */
  async stop(): Promise<void> {
    const closing = { isDone: false }
    void this.store?.close().then(() => (closing.isDone = true))
    for (let answers = 0; ; answers++) {
      await untilQuiet()
      if (closing.isDone) break
      if (this.fatal !== undefined) return
      if (answers > ANSWERS_MAX) throw new Error('it does not stop')
      this.#answerOne()
    }
    this.#time.forget()
    this.store = undefined
    this.#leaveFolder()
  }

  /** Lets go on whatever waits: a disk call, else a timer. */
  #answerOne(): void {
    const call = this.#disk.pending.shift()
    if (call !== undefined) call.answer()
    else if (this.#time.hasTimer()) this.#time.advance()
    else throw new Error('it waits for something that never comes')
  }

  get #headFile(): string {
    return path.join(this.dir, 'journal', 'HEAD')
  }

  /** This process goes on, so its claim would stand against the next one. */
  #leaveFolder(): void {
    for (const name of fs.readdirSync(this.dir))
      if (name.startsWith('claim.')) fs.rmSync(path.join(this.dir, name))
  }

  /** The refs of corrections in the journal as it is on the disk. */
  booked(): ReadonlySet<string> {
    const records = journalTail(path.join(this.dir, 'journal'))()
    return new Set(records.flatMap(({ kind, ref }) => (CORRECTIONS.has(kind) && ref ? ref : [])))
  }

  remove(): void {
    fs.rmSync(this.dir, { recursive: true })
  }
}

function read(file: string): Buffer | undefined {
  return fs.existsSync(file) ? fs.readFileSync(file) : undefined
}
