import fs from 'node:fs'
import path from 'node:path'
import { createGunzip } from 'node:zlib'
import type { Entry, SettleEntry } from '../../domain/entry.ts'
import { micro } from '../../domain/money.ts'
import type { PaidRequest } from './decide-correction.ts'
import { packedFile, segmentFile, segmentsIn, type DbPaths } from './segments.ts'

const PIECE_BYTES = 1024 * 1024

/**
 * Finds what a request was charged, in the journal and from its end: keeping every charge in memory would let it grow
 * without bound. Read in pieces, so that requests pass between them; a search of the same request is shared.
 */
export function paidFinder({
  journal,
}: DbPaths): (request: string) => Promise<PaidRequest | undefined> {
  const running = new Map<string, Promise<PaidRequest | undefined>>()
  return (request) => {
    const search =
      running.get(request) ??
      searchJournal(journal, request).finally(() => {
        running.delete(request)
      })
    running.set(request, search)
    return search
  }
}

async function searchJournal(journal: string, request: string): Promise<PaidRequest | undefined> {
  for (const segment of [...segmentsIn(journal)].reverse()) {
    const settled = await searchSegment(path.join(journal, segmentFile(segment)), request)
    if (settled === undefined) continue
    return { account: settled.account, paid: micro(BigInt(settled.amount)) }
  }
  return undefined
}

async function searchSegment(file: string, request: string): Promise<SettleEntry | undefined> {
  const needle = Buffer.from(`"ref":${JSON.stringify(request)}`)
  let rest = Buffer.alloc(0)
  for await (const piece of piecesOf(file)) {
    const bytes = Buffer.concat([rest, piece])
    const end = bytes.lastIndexOf(10) + 1
    const found = settleIn(bytes.subarray(0, end), needle, request)
    if (found !== undefined) return found
    rest = bytes.subarray(end)
  }
  return undefined
}

function piecesOf(file: string): AsyncIterable<Buffer> {
  const options = { highWaterMark: PIECE_BYTES }
  if (fs.existsSync(file)) return fs.createReadStream(file, options)
  return fs.createReadStream(packedFile(file), options).pipe(createGunzip())
}

function settleIn(lines: Buffer, needle: Buffer, request: string): SettleEntry | undefined {
  for (let at = lines.indexOf(needle); at !== -1; at = lines.indexOf(needle, at + 1)) {
    const start = lines.lastIndexOf(10, at) + 1
    const entry = JSON.parse(lines.toString('utf8', start, lines.indexOf(10, at))) as Entry
    if (entry.kind === 'settle' && entry.ref === request) return entry
  }
  return undefined
}
