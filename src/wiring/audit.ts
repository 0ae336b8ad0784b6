import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { crc32, gunzipSync } from 'node:zlib'
import { placeOf, plain, Sums, type Line, type Place, type Report } from '../store/audit.ts'

/**
 * Proves a data folder offline, by its bytes alone: nothing that writes the books is used to read them. After a finding
 * it goes on from what the line claims, so that one lie is not a thousand findings.
 */
export type Finding = Place & Readonly<{ rule: string; what: string }>
export type Audit = Readonly<{
  records: number
  /** The first hundred. */
  findings: readonly Finding[]
  /** All of them. */
  count: number
  /** Worth knowing, and nobody's fault. */
  notes: readonly string[]
}>
export type AuditRequest = Readonly<{
  db: string
  logs?: string
  onBytes?: (count: number) => void
}>

type Head = Readonly<{ seq: number; chain: string }>
type Item = Readonly<{ id?: string; version?: string }>
type Snapshot = Readonly<{ seq: number; digest: string; file: string }> & {
  readonly state: Readonly<Record<'accounts' | 'keys' | 'holds' | 'prices', readonly Item[]>> & {
    readonly overrun: string
  }
}

const FINDINGS_MAX = 100
const CRC_LENGTH = ',"crc":"00000000"}'.length
const CHAIN_LENGTH = ',"chain":""'.length + 64

export function auditFolder({ db, logs = db, onBytes = () => undefined }: AuditRequest): Audit {
  const findings: Finding[] = []
  let count = 0
  const report: Report = (rule, what, place) => {
    if (++count <= FINDINGS_MAX) findings.push({ rule, what, ...place })
  }
  // Before the journal, so that it covers what they say even while a server writes.
  const head = readJson(path.join(db, 'journal', 'HEAD')) as Head | undefined
  const snapshots = ['gateway.json', 'gateway.prev.json'].flatMap((name) =>
    readSnapshot(path.join(db, name), report),
  )
  const { records, notes } = auditJournal(db, { report, head, snapshots, onBytes })
  checkModes(db, report)
  for (const dir of new Set([db, logs])) searchKeys(dir, report, onBytes)
  return { records, findings, count, notes }
}

type Reading = Readonly<{
  report: Report
  head: Head | undefined
  snapshots: readonly Snapshot[]
  onBytes: (count: number) => void
}>

function auditJournal(db: string, { report, head, snapshots, onBytes }: Reading) {
  const trail = trailOf(report, head)
  const sums = new Sums(report)
  const notes: string[] = []
  const files = segmentsOf(path.join(db, 'journal'), report)
  let end: Place = { file: db, offset: 0 }
  for (const file of files) {
    const read = eachLine(file, onBytes, (bytes, offset) => {
      const at = { file, offset }
      const line = trail.follow(bytes, at)
      if (line === undefined) return
      sums.enter(line, at)
      for (const one of snapshots) if (one.seq === line.seq) compare(one, sums.items(), report)
    })
    end = { file, offset: read.offset }
    if (read.rest.length === 0) continue
    const isActive = file === files.at(-1)
    if (isActive && read.rest.every((byte) => byte === 0)) continue // laid ahead of the next entries
    if (isActive) notes.push(`${file}, offset ${read.offset}: tail being written`)
    else report('A2', `a sealed segment ends with ${read.rest.length} bytes of a record`, end)
  }
  const { seq, records } = trail.end(end)
  for (const { file, seq: covered } of snapshots) {
    if (covered <= seq) continue
    report('A15', `covers seq ${covered}; the journal ends with ${seq}`, { file, offset: 0 })
  }
  sums.end(end)
  return { records, notes }
}

function segmentsOf(journal: string, report: Report): readonly string[] {
  const isThere = fs.existsSync(journal)
  const names = isThere ? fs.readdirSync(journal).filter((name) => /^\d{8}\.jsonl$/.test(name)) : []
  if (names.length === 0) throw new Error(`${journal} has no journal to audit.`)
  for (const [index, name] of names.sort().entries()) {
    if (Number(name.slice(0, 8)) === index + 1) continue
    report('A1', `segment ${index + 1} is missing`, { file: path.join(journal, name), offset: 0 })
    break
  }
  return names.map((name) => path.join(journal, name))
}

/** Hands on whole lines; answers where the last one ends, and what comes after it. */
function eachLine(
  file: string,
  onBytes: (count: number) => void,
  onLine: (line: Buffer, offset: number) => void,
): { offset: number; rest: Buffer } {
  const fd = fs.openSync(file, 'r')
  let buffer = Buffer.alloc(1024 * 1024)
  let [filled, offset] = [0, 0]
  try {
    for (;;) {
      if (filled === buffer.length) buffer = Buffer.concat([buffer], filled * 2)
      const count = fs.readSync(fd, buffer, filled, buffer.length - filled, null)
      if (count === 0) return { offset, rest: buffer.subarray(0, filled) }
      onBytes(count)
      filled += count
      const text = buffer.subarray(0, filled)
      let start = 0
      for (let end = text.indexOf(10); end !== -1; end = text.indexOf(10, start)) {
        onLine(text.subarray(start, end), offset + start)
        start = end + 1
      }
      buffer.copyWithin(0, start, filled)
      filled -= start
      offset += start
    }
  } finally {
    fs.closeSync(fd)
  }
}

const sha256 = (text: string) => createHash('sha256').update(text)

/** A1, A2, A3: nothing is missing, changed or rewritten. */
function trailOf(report: Report, head: Head | undefined) {
  let [records, seq, crc, chain] = [0, 0, 0, '0'.repeat(64)]
  let hash = sha256(chain)
  function checkChain(line: Line, body: Buffer, at: Place): void {
    const expected = hash.update(body.subarray(0, -CHAIN_LENGTH)).digest('hex')
    if (line.chain !== expected) report('A3', 'the chain is broken here', placeOf(line, at))
    chain = String(line.chain)
    hash = sha256(chain)
    if (seq === head?.seq && chain !== head.chain)
      report('A3', 'HEAD knows another chain here', placeOf(line, at))
  }
  function follow(bytes: Buffer, at: Place): Line | undefined {
    const body = bytes.subarray(0, -CRC_LENGTH)
    crc = crc32(body, crc)
    const claimed = bytes.toString('latin1', body.length)
    const isSound = claimed === `,"crc":"${crc.toString(16).padStart(8, '0')}"}`
    if (!isSound) crc = Number.parseInt(claimed.slice(8, 16), 16) || 0
    const line = parsed(bytes)
    const place = () => (line === undefined ? { ...at, seq: seq + 1 } : placeOf(line, at))
    if (!isSound) report('A2', 'the crc is wrong here', place())
    if (line === undefined) return undefined
    if (line.seq !== seq + 1) report('A1', `seq ${line.seq} comes after seq ${seq}`, place())
    seq = line.seq
    records++
    if (line.kind === 'open' && line.after !== chain)
      report('A3', 'goes on from elsewhere', place())
    if (line.chain !== undefined) checkChain(line, body, at)
    else hash.update(bytes).update('\n')
    return line
  }
  function end(place: Place): { seq: number; records: number } {
    const isShort = head !== undefined && head.seq > seq
    if (isShort) report('A1', `ends with seq ${seq}, but HEAD knew seq ${head.seq}`, place)
    return { seq, records }
  }
  return { follow, end }
}

function parsed(bytes: Buffer): Line | undefined {
  try {
    const line = JSON.parse(bytes.toString()) as Line
    return Number.isSafeInteger(line.seq) ? line : undefined
  } catch {
    return undefined // its crc has told already
  }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch {
    return undefined // absent or torn: a start copes with both
  }
}

/** A15: a snapshot that is there can be read, and is what was written. */
function readSnapshot(file: string, report: Report): Snapshot[] {
  if (!fs.existsSync(file)) return []
  const snapshot = readJson(file) as Snapshot | null | undefined
  const text = JSON.stringify(snapshot?.state ?? null)
  const isWhole = snapshot?.digest === sha256(text).digest('hex')
  if (isWhole) return [{ ...snapshot, file }]
  report('A15', 'the snapshot is broken, or was changed', { file, offset: 0 })
  return []
}

/** A15: a snapshot is what the journal adds up to at its seq. */
function compare({ file, seq, state }: Snapshot, sums: Map<string, string>, report: Report): void {
  const items = new Map([['overrun', plain(state.overrun)]])
  for (const one of state.accounts) items.set(`account ${one.id ?? ''}`, plain(one))
  for (const one of state.keys) items.set(`key ${one.id ?? ''}`, plain(one))
  for (const one of state.holds) items.set(`hold ${one.id ?? ''}`, plain(one))
  for (const one of state.prices) items.set(`price ${one.version ?? ''}`, plain(one))
  for (const name of new Set([...items.keys(), ...sums.keys()])) {
    if (items.get(name) === sums.get(name)) continue
    const what = `${name} is ${items.get(name) ?? 'absent'}; the journal gives ${sums.get(name) ?? 'none'}`
    report('A15', what, { file, offset: 0, seq })
  }
}

const filesIn = (dir: string) =>
  fs.existsSync(dir) ? fs.readdirSync(dir, { recursive: true, withFileTypes: true }) : []

/** A18: nobody but the owner can read the books. An empty file gives nothing away. */
function checkModes(db: string, report: Report): void {
  for (const file of [db, ...filesIn(db).map((entry) => path.join(entry.parentPath, entry.name))]) {
    const stat = fs.lstatSync(file, { throwIfNoEntry: false })
    if (stat === undefined || stat.isSymbolicLink() || (stat.isFile() && stat.size === 0)) continue
    const mode = stat.mode & 0o777
    if ((mode & 0o077) !== 0) report('A18', `has mode ${mode.toString(8)}`, { file, offset: 0 })
  }
}

/** A17: no key in plain text; where one is found it is not said again. */
function searchKeys(dir: string, report: Report, onBytes: (count: number) => void): void {
  for (const entry of filesIn(dir).filter((one) => one.isFile())) {
    const file = path.join(entry.parentPath, entry.name)
    const find = (line: Buffer, offset: number) => {
      if (line.includes('tg-') && KEY.test(line.toString('latin1')))
        report('A17', 'a key in plain text', { file, offset })
    }
    if (file.endsWith('.gz')) {
      find(gunzipSync(fs.readFileSync(file)), 0)
      continue
    }
    const { rest, offset } = eachLine(file, onBytes, find)
    find(rest, offset)
  }
}

const KEY = /tg-[0-9A-Za-z]{49}/
