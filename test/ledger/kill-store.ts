import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { openStore } from '../../src/store/lowdb/open-store.ts'
import { auditFolder } from '../../src/wiring/audit.ts'
import { journalTail } from './journal-tail.ts'
import { inFolder, type Loop, type Tally } from './loop.ts'
import { seeded } from './seeded.ts'

/**
 * The store alone, on segments so small that they are sealed and snapshots are made all the time, is killed while many
 * callers write to it. A round takes a third of the time that the whole gateway needs, and hits the disk harder.
 */
const WORKERS = 32
const ROUNDS_PER_FOLDER = 10
const callers = fileURLToPath(new URL('store-callers.js', import.meta.url))

export async function killStore({ rounds, seed, onRound }: Loop): Promise<Tally> {
  const tally = { ok: 0, fail: 0, unknown: 0 }
  for (let from = 0; from < rounds; from += ROUNDS_PER_FOLDER) {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-kill-'))
    const read = readerOf(dir)
    for (let round = from; round < Math.min(rounds, from + ROUNDS_PER_FOLDER); round++) {
      const { ok, unknown } = await inFolder(dir, { part: 'store', seed: seed + round }, () =>
        killOnce(dir, read, seed + round),
      )
      tally.ok += ok
      tally.unknown += unknown
      onRound?.(round + 1)
    }
    fs.rmSync(dir, { recursive: true })
  }
  return tally
}

/** Counts how often each operation stands in the journal, over all rounds. */
function readerOf(dir: string): () => ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  const newRecords = journalTail(path.join(dir, 'journal'))
  return () => {
    for (const { kind, ref = '' } of newRecords()) {
      const operation = `${kind} ${ref}`
      counts.set(operation, (counts.get(operation) ?? 0) + 1)
    }
    return counts
  }
}

async function killOnce(dir: string, read: () => ReadonlyMap<string, number>, seed: number) {
  const told = await killedAfter(dir, seed)
  const store = await openStore({
    ...{ dir, purpose: 'server', now: Date.now, segmentBytesMax: 300_000 },
    ...{ onFatal: () => undefined, onTrouble: () => undefined },
  })
  const orphans = store.ledger.orphans()
  for (const { id, progress } of orphans) await store.ledger.endOrphan(id, progress)
  assert.equal(store.ledger.account('acme')?.credit.held, 0n, 'a hold is still open')
  await store.close()
  const counts = read()
  const wrong = told.filter((operation) => counts.get(operation) !== 1)
  assert.deepEqual(wrong, [], 'acknowledged, and lost or doubled')
  const { findings } = auditFolder({ db: dir })
  assert.deepEqual(findings, [], 'the audit finds something')
  return { ok: told.length, unknown: orphans.length }
}

/** Runs the callers until it kills them; answers what they had been told by then. */
async function killedAfter(dir: string, seed: number): Promise<readonly string[]> {
  const args = [callers, dir, String(seed), String(WORKERS)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  // Some are killed before they have begun, while they recover what the last one left.
  const enough = seeded(seed).below(25_000)
  let heard = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    heard += text
    if (heard.length >= enough) child.kill('SIGKILL')
  })
  await closed
  assert.equal(child.signalCode, 'SIGKILL', 'the callers ended by themselves')
  return heard.split('\n').slice(0, -1)
}
