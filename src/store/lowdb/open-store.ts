import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import type { Entry } from '../../domain/entry.ts'
import type { Keys } from '../../ports/keys.ts'
import type { Ledger, Registry } from '../../ports/ledger.ts'
import type { Books } from '../books.ts'
import { finishSwitch } from './backup/switch-books.ts'
import { claimFolder, type ClaimRequest } from './claim.ts'
import { nodeDisk, type Disk } from './disk.ts'
import { HeadKeeper } from './head.ts'
import { FORMAT, Journal, type JournalEnd, type JournalTail } from './journal.ts'
import { hashedKeys } from './keys.ts'
import { LowdbLedger } from './ledger.ts'
import { GENESIS } from './record.ts'
import { recover } from './recover.ts'
import { LowdbRegistry } from './registry.ts'
import { Reserve } from './reserve.ts'
import { dbPaths, type DbPaths } from './segments.ts'
import { Snapshotter, type MakeSnapshot } from './snapshotter.ts'
import { socketPath } from './socket-path.ts'
import { UsageThread } from './usage/usage-thread.ts'

export type StoreOptions = Readonly<{
  dir: string
  purpose: ClaimRequest['purpose']
  now: () => number
  /** The disk can no longer be believed: end the process. */
  onFatal: (error: unknown) => void
  onTrouble: (message: string, facts: Record<string, unknown>) => void
  /** A segment is full and will not change any more. */
  onSealed?: () => void
  disk?: Disk
  segmentBytesMax?: number
  /** In a thread of its own, unless it is said how else. */
  makeSnapshot?: MakeSnapshot
}>

export type Store = Readonly<{
  ledger: Ledger
  registry: Registry
  keys: Keys
  /** The past, in a thread that is started by the first question. */
  usage: UsageThread
  /** Where the command line reaches a running server. */
  socket: string
  /** This run of the program: request ids begin with it. */
  run: string
  tornBytes: number
  isWritable: () => boolean
  /** False once memory was not what the journal adds up to. */
  isProven: () => boolean
  /** Everything before it is on the disk, and stays as it is. */
  durableEnd: () => JournalEnd
  close(): Promise<void>
}>

const SEGMENT_BYTES_MAX = 64 * 1024 * 1024

/** Takes the data folder, replays the journal, and opens it for writing. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const dir = path.resolve(options.dir)
  const paths = dbPaths(dir)
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 })
  keepPrivate(dir)
  const socket = socketPath(paths.socket)
  const claim = await claimFolder({ dir, socket, purpose: options.purpose })
  try {
    finishRestore(dir, options)
    fs.mkdirSync(paths.journal, { recursive: true, mode: 0o700 })
    const { books, tail, tornBytes } = await recover(paths)
    const opened = await openJournal({ options, paths, books, tail })
    const { journal, ledger } = opened
    const { onTrouble, now } = options
    const usage = new UsageThread({ dir, end: () => journal.end, onTrouble })
    const registry = new LowdbRegistry({ books, journal, now, usage })
    return {
      ...{ ledger, registry, usage },
      ...{ keys: hashedKeys(books), socket, run: opened.run, tornBytes },
      isWritable: () => journal.trouble === undefined,
      isProven: () => opened.snapshots.isProven,
      durableEnd: () => journal.end,
      async close() {
        await usage.stop()
        await opened.close()
        claim.release()
      },
    }
  } catch (error) {
    claim.release()
    throw error
  }
}

function finishRestore(dir: string, { onTrouble }: StoreOptions): void {
  const finished = finishSwitch(dir)
  if (finished === undefined) return
  onTrouble('a restore that was interrupted has been finished', { kept: finished.safety })
}

/** The folder may have come with the program, readable by all. */
function keepPrivate(dir: string): void {
  try {
    fs.chmodSync(dir, 0o700)
  } catch (error) {
    // Another user's folder that we may write to: the operator's own arrangement.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) throw error
  }
}

type Opening = {
  options: StoreOptions
  paths: DbPaths
  books: Books
  tail: JournalTail | undefined
}

async function openJournal({ options, paths, books, tail = FRESH }: Opening) {
  const disk = options.disk ?? nodeDisk
  const run = randomBytes(6).toString('hex')
  const head = new HeadKeeper(paths.head)
  const { onTrouble, makeSnapshot } = options
  const snapshots = new Snapshotter(
    { dir: paths.dir, accounts: books.accounts, onTrouble },
    makeSnapshot,
  )
  const listeners = {
    ...spaceKeeping(options, paths, head),
    beforeFlush: (add: (entry: Entry) => void) => {
      ledger.rideAlong(add)
    },
    onSealing: (segment: number) => {
      books.segment = segment + 1
    },
    onSealed: (segment: number) => {
      snapshots.make(segment)
      options.onSealed?.()
    },
  }
  const { now, onFatal, segmentBytesMax = SEGMENT_BYTES_MAX } = options
  const settings = { folder: paths.journal, disk, run, now, onFatal, segmentBytesMax, ...listeners }
  const journal: Journal = await Journal.open(settings, tail)
  const ledger = new LowdbLedger(books, journal, now)
  books.segment = tail.segment
  const after = tail.position.chain
  await journal.append({
    kind: 'open',
    at: now(),
    format: FORMAT,
    segment: tail.segment,
    run,
    after,
  }).landed.promise
  return {
    ...{ journal, ledger, run, snapshots },
    async close() {
      await journal.close()
      await head.close(journal.end)
      await snapshots.stop()
    },
  }
}

/** HEAD follows each flush, and the reserve is given up when the disk is full. */
function spaceKeeping(options: StoreOptions, paths: DbPaths, head: HeadKeeper) {
  const reserve = new Reserve(paths.reserve)
  return {
    afterFlush: (journal: Pick<Journal, 'end'>) => {
      head.note(journal)
      reserve.restore()
    },
    onTrouble: async (error: Error) => {
      options.onTrouble('the journal cannot be written; new requests are refused', { error })
      await reserve.free()
    },
  }
}

const FRESH: JournalTail = { segment: 1, offset: 0, zeroedTo: 0, position: GENESIS }
