import assert from 'node:assert/strict'
import path from 'node:path'
import { auditFolder } from '../../src/wiring/audit.ts'
import { startFaultProvider, type FaultProvider } from '../fault-provider/fault-provider.ts'
import { startGateway, userArgs, type GatewayProcess } from '../support/gateway-process.ts'
import { clientOf, configFor, costOf } from '../support/house.ts'
import type { JournalRecord } from '../support/journal.ts'
import { MODELS, startCallers, type Heard } from './callers.ts'
import { journalTail } from './journal-tail.ts'
import { inFolder, type Loop, type Tally } from './loop.ts'
import { seeded } from './seeded.ts'

/**
 * The real gateway is killed under load, started again, and its books are held against what its callers were told and
 * what its provider saw. What one round asks for follows from its seed; what the kill hits is up to the machine.
 */
const WORKERS = 32
/** A new folder after so many rounds: the audit reads all of it each time. */
const ROUNDS_PER_FOLDER = 25

export async function killGateway({ rounds, seed, onRound }: Loop): Promise<Tally> {
  const tally = { ok: 0, fail: 0, unknown: 0 }
  for (let from = 0; from < rounds; from += ROUNDS_PER_FOLDER) {
    const bed = await makeBed()
    for (let round = from; round < Math.min(rounds, from + ROUNDS_PER_FOLDER); round++) {
      const heard = await inFolder(bed.gateway.dir, { part: 'gateway', seed: seed + round }, () =>
        killOnce(bed, seed + round),
      )
      for (const { kind } of heard) tally[kind]++
      onRound?.(round + 1)
    }
    await bed.gateway.close()
    await bed.upstream.close()
  }
  return tally
}

type Bed = {
  gateway: GatewayProcess
  readonly key: string
  readonly upstream: FaultProvider
  readonly newRecords: () => readonly JournalRecord[]
}

async function makeBed(): Promise<Bed> {
  const upstream = await startFaultProvider()
  const gateway = await startGateway({ config: configFor(upstream.baseUrl, MODELS) })
  const { key } = await gateway.issue(userArgs('alice', '1000000000'))
  const newRecords = journalTail(path.join(gateway.dir, 'db', 'journal'))
  newRecords()
  return { gateway, key, upstream, newRecords }
}

async function killOnce(bed: Bed, seed: number): Promise<readonly Heard[]> {
  const chance = seeded(seed)
  const client = () => clientOf(bed.gateway.url, 'alice', bed.key)
  const before = await client().balance()
  const seenBefore = bed.upstream.journal.length
  const callers = startCallers({ ...bed, url: bed.gateway.url, workers: WORKERS, chance })
  await callers.answered(chance.below(150))
  await bed.gateway.stop('SIGKILL')
  const heard = await callers.history
  bed.gateway = await bed.gateway.restart()
  assert.equal(await client().held(), '0', 'a hold is still open')
  const { findings } = auditFolder({ db: path.join(bed.gateway.dir, 'db') })
  assert.deepEqual(findings, [], 'the audit finds something')
  const charged = checkBooks(bed.newRecords(), heard, bed.upstream.journal.slice(seenBefore))
  const spent = micro(before) - micro(await client().balance())
  assert.equal(spent, charged, 'the account paid something else than the sum of its charges')
  return heard
}

const micro = (credits: string): bigint => {
  const [whole = '', fraction = ''] = credits.split('.')
  return BigInt(whole + fraction.padEnd(6, '0'))
}

type Ends = { settles: JournalRecord[]; others: number }

/** What happened to each request by the books, against what its caller heard; answers what was charged in all. */
function checkBooks(
  records: readonly JournalRecord[],
  heard: readonly Heard[],
  answers: FaultProvider['journal'],
): bigint {
  const ends = endsOf(records)
  const seen = new Map(answers.map((entry) => [entry.id, entry]))
  for (const one of heard) {
    if (one.kind === 'unknown') continue
    const paid = paidFor(ends.get(one.requestId))
    ends.delete(one.requestId)
    if (one.kind === 'fail') {
      assert.ok(paid === undefined || paid === 0n, `${one.requestId} failed and was charged`)
      continue
    }
    const entry = seen.get(one.answerId)
    assert.ok(entry !== undefined, `the provider knows nothing of ${one.answerId}`)
    assert.equal(paid, one.cost, `${one.requestId} was told another cost than was charged`)
    assert.equal(paid, BigInt(costOf(entry.usage)) * 1_000_000n, `${one.requestId}: not its usage`)
    seen.delete(one.answerId)
  }
  checkUnknown([...ends.values()], heard, [...seen.values()])
  return records
    .filter(({ kind }) => kind === 'settle')
    .reduce((sum, { amount }) => sum + BigInt(String(amount)), 0n)
}

/** Every hold ends once, in a charge or without one. */
function endsOf(records: readonly JournalRecord[]): Map<string, Ends> {
  const ends = new Map<string, Ends>()
  for (const record of records) {
    const { kind, ref = '' } = record
    if (kind === 'hold') {
      assert.ok(!ends.has(ref), `a second hold of ${ref}`)
      ends.set(ref, { settles: [], others: 0 })
    } else if (kind === 'settle') ends.get(ref)?.settles.push(record)
    else if (kind === 'release' || kind === 'expire') {
      const end = ends.get(ref)
      if (end !== undefined) end.others++
    }
  }
  for (const [ref, { settles, others }] of ends)
    assert.equal(settles.length + others, 1, `${ref} ended ${settles.length + others} times`)
  return ends
}

const paidFor = (end: Ends | undefined): bigint | undefined => {
  const [settle] = end?.settles ?? []
  return settle === undefined ? undefined : BigInt(String(settle['amount']))
}

/** Requests of which nobody heard the end: charged once or not at all, and never above what the provider counted. */
function checkUnknown(
  left: readonly Ends[],
  heard: readonly Heard[],
  seen: FaultProvider['journal'],
): void {
  const unknown = heard.filter(({ kind }) => kind === 'unknown').length
  assert.ok(left.length <= unknown, `${left.length} in the books, of ${unknown} nobody heard of`)
  const counted = new Map<number, number>()
  for (const { usage, ended } of seen) if (ended === 'finished') add(counted, costOf(usage), 1)
  for (const { settles } of left) {
    const [settle] = settles
    if (settle?.['outcome'] !== 'finished') continue
    const cost = Number(settle['cost']) / 1e6
    assert.ok(add(counted, cost, -1) >= 0, `${String(settle.ref)} is charged for no answer`)
  }
}

function add(counts: Map<number, number>, key: number, change: number): number {
  const count = (counts.get(key) ?? 0) + change
  counts.set(key, count)
  return count
}
