import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { readSegmentBytes, segmentFile, segmentsIn } from './lowdb/segments.ts'
import { copyFolder } from './copied-folder.ts'

export type Entry = Record<string, unknown>
export type Edit = (lines: Entry[]) => void
type Forgery = Readonly<{ to: string; edit: Edit }>

/** For tests of an audit: the same history with a lie in it, and sums that are right, so that only the rules can find it out. */
export function forgedCopy(honest: string, { to, edit }: Forgery): string {
  copyFolder(honest, to)
  const journal = path.join(to, 'journal')
  const lines = textsIn(to).flatMap((text) => text.trimEnd().split('\n'))
  const entries = lines.map((line) => JSON.parse(line) as Entry)
  edit(entries)
  fs.rmSync(journal, { recursive: true })
  for (const name of ['gateway.json', 'gateway.prev.json'])
    fs.rmSync(path.join(to, name), { force: true })
  let [crc, chain, text] = [0, '0'.repeat(64), '']
  for (const [index, entry] of entries.entries()) {
    const { seq: _seq, crc: _crc, chain: _chain, batch: _batch, ...facts } = entry
    const after = facts['kind'] === 'open' ? { after: chain } : {}
    const body = JSON.stringify({ seq: index + 1, ...facts, ...after }).slice(0, -1)
    chain = createHash('sha256').update(chain).update(body).digest('hex')
    crc = crc32(`${body},"chain":"${chain}"`, crc)
    text += `${body},"chain":"${chain}","crc":"${crc.toString(16).padStart(8, '0')}"}\n`
  }
  fs.mkdirSync(journal, { mode: 0o700 })
  fs.writeFileSync(path.join(journal, segmentFile(1)), text, { mode: 0o600 })
  return to
}

/** Each segment's text, packed or not. */
export function textsIn(dir: string): string[] {
  const journal = path.join(dir, 'journal')
  const files = segmentsIn(journal).map((segment) => path.join(journal, segmentFile(segment)))
  return files.map((file) => readSegmentBytes(file).toString())
}
