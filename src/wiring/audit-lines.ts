import fs from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'

/** How the audit reads a journal: its segments in order, packed or not, line by line, with bounded memory. */
export type SegmentOnDisk = Readonly<{ segment: number; file: string }>

/** Where a segment is there twice, it was being packed: the plain one counts. */
export function segmentsIn(journal: string): readonly SegmentOnDisk[] {
  const names = fs.existsSync(journal) ? fs.readdirSync(journal).sort() : []
  const files = new Map<number, string>()
  for (const name of names) {
    const segment = Number(/^(\d{8})\.jsonl(?:\.gz)?$/.exec(name)?.[1])
    if (segment > 0 && !files.has(segment)) files.set(segment, path.join(journal, name))
  }
  return [...files].map(([segment, file]) => ({ segment, file }))
}

export type LineListener = Readonly<{
  onBytes: (count: number) => void
  /** A whole line, and where it begins; answers whether to go on. */
  onLine: (line: Buffer, offset: number) => boolean
  /** Nothing but zeros where a line should begin, and more behind them. */
  onHole?: (offset: number, bytes: number) => void
}>

/** Where the last line ends, and what comes after it; room that was made ahead with zeros is nothing. */
export type LinesEnd = Readonly<{ offset: number; rest: Buffer }>

export function eachLine(file: string, listener: LineListener): LinesEnd {
  const source = openSource(file)
  const state = { offset: 0, zeros: 0 }
  let buffer = Buffer.alloc(CHUNK_BYTES)
  let filled = 0
  try {
    for (;;) {
      if (filled === buffer.length) buffer = Buffer.concat([buffer], filled * 2)
      const count = source.read(buffer, filled)
      filled += count
      if (count === 0) return { offset: state.offset, rest: unpadded(buffer.subarray(0, filled)) }
      listener.onBytes(source.bytesOf(count))
      const used = readLines(buffer.subarray(0, filled), state, listener)
      if (used === STOPPED) return { offset: state.offset, rest: Buffer.alloc(0) }
      buffer.copyWithin(0, used, filled)
      filled -= used
    }
  } finally {
    source.close()
  }
}

const CHUNK_BYTES = 1024 * 1024
const STOPPED = -1

type State = { offset: number; zeros: number }

/** Hands on the lines that end within `text`; answers how much of it is used up. */
function readLines(text: Buffer, state: State, listener: LineListener): number {
  let start = 0
  for (;;) {
    const zeros = zerosAt(text, start)
    state.zeros += zeros
    start += zeros
    if (start === text.length) return start
    if (state.zeros > 0) {
      listener.onHole?.(state.offset, state.zeros)
      state.offset += state.zeros
      state.zeros = 0
    }
    const end = text.indexOf(10, start)
    if (end === -1) return start
    const isEnough = !listener.onLine(text.subarray(start, end), state.offset)
    state.offset += end + 1 - start
    if (isEnough) return STOPPED
    start = end + 1
  }
}

function zerosAt(text: Buffer, start: number): number {
  let end = start
  while (end < text.length && text[end] === 0) end++
  return end - start
}

function unpadded(rest: Buffer): Buffer {
  let end = rest.length
  while (end > 0 && rest[end - 1] === 0) end--
  return rest.subarray(0, end)
}

type Source = Readonly<{
  read: (buffer: Buffer, at: number) => number
  /** How much of the file that was, roughly. */
  bytesOf: (count: number) => number
  close: () => void
}>

function openSource(file: string): Source {
  const name = fs.existsSync(file) ? file : `${file}.gz` // packed since the folder was listed
  if (name.endsWith('.gz')) return unpackedSource(name)
  const fd = fs.openSync(name, 'r')
  return {
    read: (buffer, at) => fs.readSync(fd, buffer, at, buffer.length - at, null),
    bytesOf: (count) => count,
    close: () => {
      fs.closeSync(fd)
    },
  }
}

/** A segment is 64 MiB: it is unpacked whole. */
function unpackedSource(file: string): Source {
  const packed = fs.readFileSync(file)
  const bytes = gunzipSync(packed)
  const ratio = packed.length / Math.max(bytes.length, 1)
  let from = 0
  return {
    read(buffer, at) {
      const count = bytes.copy(buffer, at, from)
      from += count
      return count
    },
    bytesOf: (count) => count * ratio,
    close: () => undefined,
  }
}

/** A packed file that is no gzip file any more. */
export const isUnpackable = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
