import fs from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { SegmentOnDisk } from './audit-lines.ts'
import type { SnapshotOnDisk } from './audit-snapshots.ts'
import type { RunEnd } from './salvage.ts'

export type Salvaged = Readonly<{
  /** The books that the journal goes on from, where it does not begin with the first entry. */
  start: SnapshotOnDisk | undefined
  kept: readonly SegmentOnDisk[]
  end: RunEnd
  snapshots: readonly SnapshotOnDisk[]
  note: Readonly<Record<string, unknown>>
}>

/** A data folder that a server starts on: sound segments, the last one cut, and HEAD at its very end. */
export function writeSalvaged(to: string, { start, kept, end, snapshots, note }: Salvaged): void {
  const isNew = !fs.existsSync(to) || fs.readdirSync(to).length === 0
  if (!isNew) throw new Error(`${to} is not empty. Name a folder that is new.`)
  const journal = path.join(to, 'journal')
  fs.mkdirSync(journal, { recursive: true, mode: 0o700 })
  fs.chmodSync(to, 0o700)
  for (const { segment, file } of kept) {
    const target = path.join(journal, path.basename(file))
    if (segment < end.segment) write(target, fs.readFileSync(file))
    else write(target.replace(/\.gz$/, ''), unpacked(file).subarray(0, end.offset))
  }
  if (start !== undefined) {
    fs.mkdirSync(path.join(to, 'archive'), { mode: 0o700 })
    write(path.join(to, 'archive', 'base.json'), fs.readFileSync(start.file))
  }
  for (const { file } of snapshots) write(path.join(to, path.basename(file)), fs.readFileSync(file))
  const { segment, offset, seq, chain } = end
  write(path.join(journal, 'HEAD'), JSON.stringify({ segment, offset, seq, chain }))
  write(path.join(to, 'salvaged.json'), `${JSON.stringify(note, null, 1)}\n`)
}

function write(file: string, bytes: Buffer | string): void {
  fs.writeFileSync(file, bytes, { mode: 0o600, flush: true })
}

const unpacked = (file: string): Buffer =>
  file.endsWith('.gz') ? gunzipSync(fs.readFileSync(file)) : fs.readFileSync(file)
