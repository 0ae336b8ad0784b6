import { follows } from './record.ts'

/**
 * Tells the one thing that an interrupted write may leave from damage. Batch k + 1 is written only when batch k is
 * durable, so such a write spoils nothing but the last batch; and a disk writes whole sectors, in any order, over what
 * were zeros or nothing. Hence: nothing whole behind the bad line, or sound lines with holes of whole sectors between
 * them, of which all belong to one batch.
 */
export function isTornBatch(tail: Buffer, { at, bad, seq }: TailPlace): boolean {
  const behind = tail
    .toString('utf8', bad - at)
    .split('\n')
    .slice(1)
  if (!behind.some(looksWhole)) return true
  const holes = holesIn(tail)
  const first = holes[0]
  const isInHole = first !== undefined && !tail.subarray(bad - at, first.start).includes(NEWLINE)
  const isWholeSectors = holes.every(
    ({ start, end }) => (start === 0 || isSectorEdge(at + start)) && isSectorEdge(at + end),
  )
  if (!isInHole || !isWholeSectors) return false
  const pieces = holes.map(({ end }, index) => tail.toString('utf8', end, holes[index + 1]?.start))
  return pieces.every(isSound) && isOneBatch(pieces, seq)
}

/** `at`: where the tail begins in its file; `bad`: where its first bad line does; `seq`: of its first line. */
type TailPlace = Readonly<{ at: number; bad: number; seq: number }>
type Hole = Readonly<{ start: number; end: number }>

/** The length of the text that is followed by nothing but zeros. */
export function lengthWithoutZeros(bytes: Buffer): number {
  let length = bytes.byteLength
  while (length > 0 && bytes[length - 1] === 0) length--
  return length
}

const NEWLINE = 10
const SECTOR_BYTES = 512
const isSectorEdge = (offset: number): boolean => offset % SECTOR_BYTES === 0

const looksWhole = (line: string): boolean => /^\{"seq":\d+,.*,"crc":"[0-9a-f]{8}"\}$/.test(line)

/** Runs of zeros; the text of a record has none. */
function holesIn(tail: Buffer): readonly Hole[] {
  const holes: Hole[] = []
  for (let start = tail.indexOf(0); start !== -1;) {
    let end = start
    while (tail[end] === 0) end++
    holes.push({ start, end })
    start = tail.indexOf(0, end)
  }
  return holes
}

/** Between two holes, lines go on from each other; only the first and the last may be cut off. */
function isSound(piece: string): boolean {
  const lines = piece.split('\n')
  return lines.every((line, index) => {
    const before = lines[index - 1]
    const isCutOff = before === undefined || index === lines.length - 1
    return (
      isCutOff || follows(line, before) || (index === 1 && !/,"crc":"[0-9a-f]{8}"\}$/.test(before))
    )
  })
}

/** No line but the very last ends a batch, and that one counts back to the first line of the tail. */
function isOneBatch(pieces: readonly string[], seq: number): boolean {
  const lines = pieces.join('\n').trimEnd().split('\n')
  const ending = lines.findIndex((line) => BATCH_END.test(line))
  if (ending === -1) return true
  if (ending !== lines.length - 1) return false
  const last = lines[ending] ?? ''
  const [said, count] = [/^\{"seq":(\d+),/.exec(last)?.[1], BATCH_END.exec(last)?.[1] ?? '1']
  return said === undefined || Number(said) - Number(count) + 1 === seq
}

const BATCH_END = /(?:,"batch":(\d+))?,"chain":"[0-9a-f]{64}","crc":"[0-9a-f]{8}"\}$/
