import type { Finding } from './audit.ts'
import type { Place } from '../store/audit-line.ts'
import { auditFolder } from './audit.ts'
import type { SegmentOnDisk } from './audit-lines.ts'
import type { SnapshotOnDisk } from './audit-snapshots.ts'
import type { Position } from './audit-trail.ts'
import { JournalWalk, openBooks, type BooksOnDisk } from './audit-walk.ts'
import { scanLost, type Lost } from './salvage-lost.ts'
import { writeSalvaged } from './salvage-write.ts'

/**
 * Writes what is sound of a damaged data folder into another one. Kept is the longest run of batches without a finding:
 * from the first entry on, or from a snapshot on where that reaches further. The damaged folder is only read.
 */
export type Salvage = Readonly<{
  to: string
  /** What stands in the copy. `after`: the seq of the books that it begins with; 0 is the first entry. */
  kept: Readonly<{ after: number; seq: number; segments: readonly number[]; snapshots: number }>
  /** What ended the sound run; absent where the journal ended. */
  stoppedBy?: Finding
  lost: Lost
  /** Of the copy. */
  findings: number
}>

export function salvageFolder(db: string, to: string): Salvage {
  const { books, runs } = soundRuns(db)
  const best = runs.reduce((one, other) => (other.end.seq > one.end.seq ? other : one))
  const kept = best.segments.filter(({ segment }) => segment <= best.end.segment)
  const snapshots = books.snapshots.filter(
    (one) => !best.wrong.has(one.file) && one.seq <= best.end.seq,
  )
  const lost = scanLost(books, { kept, end: best.end })
  const known = {
    to,
    kept: {
      ...{ after: best.start?.seq ?? 0, seq: best.end.seq, snapshots: snapshots.length },
      segments: kept.map(({ segment }) => segment),
    },
    ...(best.stoppedBy !== undefined && { stoppedBy: best.stoppedBy }),
    lost,
  }
  writeSalvaged(to, {
    start: best.start,
    kept,
    end: best.end,
    snapshots,
    note: { from: db, ...known },
  })
  return { ...known, findings: auditFolder({ db: to }).count }
}

export type RunEnd = Position & Readonly<{ segment: number; offset: number }>

type Run = Readonly<{
  start: SnapshotOnDisk | undefined
  segments: readonly SegmentOnDisk[]
  end: RunEnd
  stoppedBy: Finding | undefined
  /** Snapshots that are not what the journal adds up to. */
  wrong: ReadonlySet<string>
}>

/** From each place where books can begin, the oldest first. */
function soundRuns(db: string): { books: BooksOnDisk; runs: readonly Run[] } {
  const books = openBooks({ db, archive: undefined }, () => undefined)
  const starts = [...books.snapshots].sort((a, b) => a.seq - b.seq)
  const isWhole = books.start !== undefined || books.segments[0]?.segment === 1
  const runs: Run[] = []
  for (const start of [...(isWhole ? [books.start] : []), ...starts]) {
    const run = soundRun(books, start)
    runs.push(run)
    if (run.stoppedBy === undefined && run.end.segment === books.segments.at(-1)?.segment) break
  }
  if (!runs.some(({ end }) => end.seq > 0))
    throw new Error(
      `Nothing in ${db} can be salvaged: neither its first segment nor a snapshot is sound.`,
    )
  return { books, runs }
}

function soundRun(books: BooksOnDisk, start: SnapshotOnDisk | undefined): Run {
  const after = start?.segment ?? 0
  const later = books.segments.filter(({ segment }) => segment > after)
  const segments = later.filter(({ segment }, index) => segment === after + index + 1)
  const { seq, crc, chain } = start ?? GENESIS
  let end: RunEnd = { segment: after, offset: 0, seq, crc, chain }
  let stoppedBy: Finding | undefined
  const wrong = new Set<string>()
  const report = (rule: string, what: string, place: Place) => {
    if (rule === 'A15') wrong.add(place.file)
    else if (rule !== 'A17') stoppedBy ??= { rule, what, ...place }
  }
  const onBatch = ({ file, offset }: Place, { seq, crc, chain }: Readonly<Position>) => {
    if (stoppedBy !== undefined) return false
    const segment = segments.find((one) => one.file === file)?.segment ?? after
    end = { segment, offset, seq, crc, chain }
    return true
  }
  // HEAD is left out: what it promises and the journal does not have is lost, and no reason to keep less.
  const part = { ...books, head: undefined, start, segments }
  new JournalWalk(part, { report, onBatch }).run()
  return { start, segments, end, stoppedBy, wrong }
}

const GENESIS: Position = { seq: 0, crc: 0, chain: '0'.repeat(64) }
