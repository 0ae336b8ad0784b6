import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import type { Entry } from '../../domain/entry.ts'
import type { Keys } from '../../ports/keys.ts'
import type { Ledger, Registry } from '../../ports/ledger.ts'
import type { Alerts } from '../../ports/alerts.ts'
import type { Vouchers } from '../../ports/vouchers.ts'
import type { Switches } from '../../ports/switches.ts'
import type { Books } from '../books.ts'
import { finishSwitch } from './backup/switch-books.ts'
import { claimFolder, type Claim, type ClaimRequest } from './claim.ts'
import { nodeDisk, type Disk } from './disk.ts'
import type { DiskSpace, FreeSpaceOptions } from './free-space.ts'
import { HeadKeeper } from './head.ts'
import { FORMAT, Journal, type JournalEnd, type JournalTail } from './journal.ts'
import { hashedKeys } from './keys.ts'
import { readLastAudit, type LastAudit } from './last-audit.ts'
import { LowdbLedger } from './ledger.ts'
import { GENESIS } from './record.ts'
import { modifiedAt } from './modified-at.ts'
import { recover } from './recover.ts'
import { LowdbRegistry } from './registry.ts'
import { Room } from './room.ts'
import { dbPaths, type DbPaths } from './segments.ts'
import { Snapshotter, type ArchiveSettings, type MakeSnapshot } from './snapshotter.ts'
import { socketPath } from './socket-path.ts'
import { lowdbSwitches } from './switches.ts'
import { lowdbAlerts } from './alerts.ts'
import { LowdbVouchers } from './vouchers.ts'
import { UsageThread } from './usage/usage-thread.ts'

export type StoreOptions = Readonly<{
  dir: string
  purpose: ClaimRequest['purpose']
  now: () => number
  /** The disk can no longer be believed: end the process. */
  onFatal: (error: unknown) => void
  onTrouble: (message: string, facts: Record<string, unknown>) => void
  /** Below so much room on the disk no hold is taken; absent: the smaller of 256 MiB and a twentieth of it. */
  diskFreeBytesMin?: () => number | undefined
  /** Where packed segments go at an age, in milliseconds; absent: they stay. */
  archive?: () => ArchiveSettings | undefined
  statfs?: FreeSpaceOptions['statfs']
  disk?: Disk
  segmentBytesMax?: number
  /** For commands, which wait for the past; a server tells who asks to come back. */
  onSumming?: ((share: number) => void) | undefined
  /** In a thread of its own, unless it is said how else. */
  makeSnapshot?: MakeSnapshot
}>

export type Store = Readonly<{
  ledger: Ledger
  registry: Registry
  keys: Keys
  switches: Switches
  vouchers: Vouchers
  alerts: Alerts
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
  /** Why it is not; the log has the details. */
  trouble: () => 'disk_low' | 'disk_unwritable' | undefined
  /** Everything before it is on the disk, and stays as it is. */
  durableEnd: () => JournalEnd
  /** Requests whose end is not booked yet, and since when the oldest of them runs. */
  openHolds: () => Readonly<{ open: number; oldestAt: number | undefined }>
  /** When its newest snapshot was made; undefined while there is none. */
  snapshotAt: () => Promise<number | undefined>
  /** When the last backup of them was proven. */
  backupAt: () => Promise<number | undefined>
  /** What the last audit of them came to. */
  lastAudit: () => Promise<LastAudit | undefined>
  /** The room on their disk, as it was seen last. */
  space: () => DiskSpace | undefined
  close(): Promise<void>
}>

const SEGMENT_BYTES_MAX = 64 * 1024 * 1024

/** Takes the data folder, replays the journal, and opens it for writing. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const dir = path.resolve(options.dir)
  const paths = dbPaths(dir)
  const socket = socketPath(paths.socket)
  const claim = await takeFolder({ dir, socket, purpose: options.purpose })
  try {
    finishRestore(dir, options)
    fs.mkdirSync(paths.journal, { recursive: true, mode: 0o700 })
    const { books, tail, tornBytes } = await recover(paths)
    const opened = await openJournal({ options, paths, books, tail })
    const { journal, ledger } = opened
    const { onTrouble, onSumming, now } = options
    const usage = new UsageThread({ dir, end: () => journal.end, onTrouble, onSumming })
    const registry = new LowdbRegistry({ books, journal, now, usage })
    return {
      ...{ ledger, registry, usage, switches: lowdbSwitches({ books, journal, now }) },
      vouchers: new LowdbVouchers({ books, journal, now }),
      alerts: lowdbAlerts({ books, journal, now }),
      ...{ keys: hashedKeys(books), socket, run: opened.run, tornBytes },
      isWritable: () => journal.trouble === undefined,
      isProven: () => opened.snapshots.isProven,
      trouble: opened.trouble,
      durableEnd: () => journal.end,
      openHolds: () => openHolds(books),
      snapshotAt: () => modifiedAt(paths.snapshot),
      backupAt: () => modifiedAt(paths.lastBackup),
      lastAudit: () => readLastAudit(paths.lastAudit),
      space: opened.space,
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

/** Holds are kept in the order in which they were taken. */
function openHolds({ holds }: Books): ReturnType<Store['openHolds']> {
  const [oldest] = holds.values()
  return { open: holds.size, oldestAt: oldest?.at }
}

/** The data folder cannot be used as it is; the text says what to do. */
class UnusableFolder extends Error {
  override readonly name = 'UnusableFolder'
}

const UNUSABLE: Readonly<Record<string, string>> = {
  ENOSPC: 'has no room left: make room, and start again',
  EDQUOT: 'is over its quota: make room, and start again',
  EROFS: 'is on a disk that is read-only: mount it for writing, or set DB_DIR to another folder',
  EACCES: 'may not be written by this user: change its owner, or set DB_DIR to another folder',
  EPERM: 'may not be written by this user: change its owner, or set DB_DIR to another folder',
}

async function takeFolder(request: ClaimRequest): Promise<Claim> {
  try {
    fs.mkdirSync(request.dir, { recursive: true, mode: 0o700 })
    keepPrivate(request.dir)
    return await claimFolder(request)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const words = UNUSABLE[code]
    throw words === undefined
      ? cause
      : new UnusableFolder(`${request.dir} ${words} (${code}).`, { cause })
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
  const head = new HeadKeeper(paths.head)
  const { now, onTrouble, onFatal, makeSnapshot, archive } = options
  const watched = { dir: paths.dir, accounts: books.accounts, onTrouble, archive }
  const snapshots = new Snapshotter(watched, makeSnapshot)
  const room = new Room(options, paths)
  const settings = {
    ...{ folder: paths.journal, disk: options.disk ?? nodeDisk, now, onFatal },
    run: randomBytes(6).toString('hex'),
    segmentBytesMax: options.segmentBytesMax ?? SEGMENT_BYTES_MAX,
    ...roomListeners(room, head),
    // Nobody else is in flight: a hold counts itself, a charge no longer.
    isAlone: (first: Entry | undefined) => books.holds.size <= (first?.kind === 'hold' ? 1 : 0),
    beforeFlush: (add: (entry: Entry) => void) => {
      ledger.rideAlong(add)
    },
    onSealing: (segment: number) => {
      books.segment = segment + 1
    },
    onSealed: (segment: number) => {
      snapshots.make(segment)
    },
  }
  const journal: Journal = await Journal.open(settings, tail)
  await room.start()
  const ledger = new LowdbLedger(books, journal, now)
  books.segment = tail.segment
  const { run } = settings
  const { segment, position } = tail
  const opening = { kind: 'open', at: now(), format: FORMAT, segment, run } as const
  await journal.append({ ...opening, after: position.chain }).landed.promise
  await head.noted() // or what a crash tears in the first moments of a new folder would be taken for damage
  return {
    ...{ journal, ledger, run, snapshots },
    space: () => room.space,
    trouble: () => journal.trouble && (room.isLow ? 'disk_low' : 'disk_unwritable'),
    async close() {
      await journal.close()
      await room.stop()
      await head.close(journal.end)
      await snapshots.stop()
    },
  }
}

const roomListeners = (room: Room, head: HeadKeeper) => ({
  shortage: () => room.shortage,
  onTrouble: (error: Error) => room.makeRoom(error),
  afterFlush: (durable: Pick<Journal, 'end'>) => {
    head.note(durable)
  },
})

const FRESH: JournalTail = { segment: 1, offset: 0, zeroedTo: 0, position: GENESIS }
