import fs from 'node:fs'
import { constants, gunzipSync } from 'node:zlib'

/** The bytes of a segment, from anywhere in it. */
export type Source = Readonly<{
  size: number
  /** How many bytes were there to read. */
  read(into: Uint8Array, position: number): number
}>

/** A segment as it is, or gzipped once it was sealed. */
export const segmentSource = (file: string): Source =>
  file.endsWith('.gz') ? memorySource(gunzipSync(fs.readFileSync(file))) : fileSource(file)

/** Opened for each read: there may be more segments than a process may have open files. */
export const fileSource = (file: string): Source => ({
  size: fs.statSync(file).size,
  read(into, position) {
    const fd = fs.openSync(file, 'r')
    try {
      return fs.readSync(fd, into, 0, into.byteLength, position)
    } finally {
      fs.closeSync(fd)
    }
  },
})

export const memorySource = (bytes: Uint8Array): Source => ({
  size: bytes.byteLength,
  read(into, position) {
    const part = bytes.subarray(position, position + into.byteLength)
    into.set(part)
    return part.byteLength
  },
})

export type Line = Readonly<{
  /** More than the line: it is bytes `start` to `end` of it. */
  buffer: Buffer
  start: number
  end: number
  /** Where it stands in the segment. */
  offset: number
}>

type Extent = Readonly<{ from: number; to: number }>

const CHUNK_BYTES = 1024 * 1024

/**
 * Hands on whole lines, and answers where the last of them ends. The segment that is being written may be filled with
 * zeros behind its last line, and may end in half of one.
 */
export function eachLine(
  source: Source,
  { from, to }: Extent,
  onLine: (line: Line) => void,
): number {
  let buffer = Buffer.allocUnsafe(CHUNK_BYTES)
  let [filled, offset] = [0, from]
  for (;;) {
    const room = Math.min(buffer.length - filled, to - offset - filled)
    const count = source.read(buffer.subarray(filled, filled + room), offset + filled)
    if (count === 0) return offset
    filled += count
    let start = 0
    for (;;) {
      const end = buffer.indexOf(NEWLINE, start)
      if (end === -1 || end >= filled || buffer[start] === 0) break
      onLine({ buffer, start, end, offset: offset + start })
      start = end + 1
    }
    if (buffer[start] === 0 && start < filled) return offset + start
    offset += start
    buffer.copyWithin(0, start, filled)
    filled -= start
    if (filled === buffer.length) buffer = Buffer.concat([buffer], filled * 2)
  }
}

const NEWLINE = 10

/** The first line of a segment, which no other begins with; undefined when it has none. */
export function firstLine(file: string): string | undefined {
  try {
    if (!file.endsWith('.gz')) return lineAt(fileSource(file), 0)
    // What is cut in the middle of a block is unpacked as far as it goes.
    const head = Buffer.alloc(64 * 1024)
    const bytes = head.subarray(0, fileSource(file).read(head, 0))
    return lineAt(memorySource(gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })), 0)
  } catch {
    return undefined // gone, or not to be read: whoever needs its records will say so
  }
}

/** The one line that begins at an offset. */
export function lineAt(source: Source, offset: number): string {
  let text: string | undefined
  for (let length = 4096; text === undefined; length *= 4) {
    const to = Math.min(offset + length, source.size)
    eachLine(source, { from: offset, to }, ({ buffer, start, end, offset: at }) => {
      if (at === offset) text = buffer.toString('utf8', start, end)
    })
    if (to === source.size) break
  }
  if (text === undefined) throw new Error(`no record begins at offset ${offset}`)
  return text
}
