import type {
  HoldEntry,
  OverrunEntry,
  PriceEntry,
  RefundEntry,
  ReleaseEntry,
  SettleEntry,
} from '../../../domain/entry.ts'
import type { Recorded, RequestRecords } from '../../../domain/receipt.ts'
import { eachLine, lineAt, type Source } from './lines.ts'

/** Where a segment has records of the request. */
export type Place = Readonly<{ segment: number; offsets: readonly number[]; source: Source }>

type Elsewhere = Readonly<{
  price: (version: string) => PriceEntry | undefined
  source: (segment: number) => Source | undefined
}>

type Entry = HoldEntry | SettleEntry | ReleaseEntry | OverrunEntry | RefundEntry
type Progress = Readonly<{ kind: 'progress'; ref: string; cost: string }>

/** Puts the records of a request together, from wherever they stand; undefined when no credit was held for it. */
export function collectRequest(
  id: string,
  places: readonly Place[],
  elsewhere: Elsewhere,
): RequestRecords | undefined {
  const found = places
    .flatMap(({ segment, offsets, source }) =>
      offsets.map((offset) => read<Entry>(lineAt(source, offset), segment)),
    )
    .filter(({ entry }) => (entry.kind === 'refund' ? entry.request : entry.ref) === id)
  const hold = found.find(isHold)
  if (hold === undefined) return undefined
  const end = found.find(isEnd)
  const settle = end?.entry.kind === 'settle' ? end.entry : undefined
  const wasKilled = end !== undefined && settle?.outcome === 'killed'
  return {
    ...{ hold, end, overruns: found.filter(isOverrun), refunds: found.filter(isRefund) },
    price: elsewhere.price(settle?.price ?? hold.entry.price),
    ...(hold.entry.levels !== undefined && {
      prices: [settle ?? hold.entry, ...((settle ?? hold.entry).levels ?? [])].map(({ price }) =>
        elsewhere.price(price),
      ),
    }),
    progress: wasKilled
      ? lastProgress(id, { from: hold.segment, to: end.segment }, elsewhere)
      : undefined,
  }
}

const isHold = (one: Recorded<Entry>): one is Recorded<HoldEntry> => one.entry.kind === 'hold'
const isOverrun = (one: Recorded<Entry>): one is Recorded<OverrunEntry> =>
  one.entry.kind === 'overrun'
const isRefund = (one: Recorded<Entry>): one is Recorded<RefundEntry> => one.entry.kind === 'refund'
const isEnd = (one: Recorded<Entry>): one is Recorded<SettleEntry | ReleaseEntry> =>
  ['settle', 'release', 'expire'].includes(one.entry.kind)

function read<E>(line: string, segment: number): Recorded<E> {
  const { seq, crc: _crc, chain: _chain, ...entry } = JSON.parse(line) as Record<string, unknown>
  return { segment, seq: seq as number, entry: entry as E }
}

/** Notes of progress are in no index: they are many, and asked for only when a gateway was killed. */
function lastProgress(
  id: string,
  { from, to }: { from: number; to: number },
  { source: sourceOf }: Elsewhere,
): Recorded<Progress> | undefined {
  const mark = Buffer.from(`,"ref":"${id}","cost":"`)
  for (let segment = to; segment >= from; segment--) {
    const source = sourceOf(segment)
    if (source === undefined) continue
    let last: string | undefined
    eachLine(source, { from: 0, to: source.size }, ({ buffer, start, end }) => {
      if (buffer.subarray(start, end).includes(mark)) last = buffer.toString('utf8', start, end)
    })
    if (last !== undefined) return read<Progress>(last, segment)
  }
  return undefined
}
