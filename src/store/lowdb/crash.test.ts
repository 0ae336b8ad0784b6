import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { auditFolder } from '../../wiring/audit.ts'
import { openStore } from './open-store.ts'

const ROUNDS = 10
const WORKERS = 16

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-crash-'))
const dir = path.join(root, 'db')
const client = path.join(root, 'client.mts')
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

const source = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href)

/** Callers in a process of their own, on small segments; what they are told they say at once, on a pipe. */
fs.writeFileSync(
  client,
  `
import fs from 'node:fs'
import { openStore } from ${source('./open-store.ts')}
import { priceFrom } from ${source('../../domain/price.ts')}
import { textUsage } from ${source('../../domain/usage.ts')}

const [dir, round] = process.argv.slice(2)
const price = priceFrom({ input: '2.5' }, { creditsPerUsd: '1000', markup: '0' }, 'v1')
const { ledger, registry } = await openStore({
  dir, purpose: 'server', now: Date.now, segmentBytesMax: 300_000,
  onFatal: () => process.exit(74), onTrouble: console.error,
})
// The pipe is full when whoever listens is busy: wait for it, as a caller that was told must be heard.
function told(kind, ref) {
  for (;;) {
    try {
      fs.writeSync(1, kind + ' ' + ref + '\\n')
      return
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
    }
  }
}
if (round === '0') await registry.openAccount({ id: 'acme', tier: 'free' })
const grant = 'grant-' + round
await registry.credit({ id: grant, account: 'acme', amount: 1_000_000_000n, reason: 'test' })
told('credit', grant)
async function worker(name) {
  for (let n = 0; ; n++) {
    const id = round + '.' + name + '.' + n
    await ledger.hold({ id, account: 'acme', key: 'k', model: 'm', price, amount: 50n, inputCost: 5n })
    told('hold', id)
    if (n % 5 === 0) ledger.progress(id, 7n)
    if (n % 7 === 0) {
      await ledger.release(id, { outcome: 'failed', attempts: [] })
      told('release', id)
      continue
    }
    await ledger.settle({
      id, cost: n % 11 === 0 ? 0n : 30n, payer: n % 13 === 0 ? 'operator' : 'account', outcome: 'finished',
      usage: textUsage(3, 4), price, model: 'm', deployment: 'd', isEstimated: false, isStream: true,
      attempts: [], startedAt: 1, firstByteMs: 1, totalMs: 2,
    })
    told('settle', id)
  }
}
await Promise.all(Array.from({ length: ${WORKERS} }, (_, name) => worker(name)))
`,
)

/** Runs the callers until it kills them; answers what they had been told by then. */
async function killedAfter(ms: number, round: number): Promise<readonly string[]> {
  const args = ['--import', 'tsx', client, dir, String(round)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let heard = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (heard += text))
  const closed = once(child, 'close')
  await Promise.race([once(child.stdout, 'data'), closed])
  await new Promise((resolve) => setTimeout(resolve, ms))
  child.kill('SIGKILL')
  await closed
  expect(child.signalCode).toBe('SIGKILL')
  return heard.split('\n').slice(0, -1)
}

/** How often each operation stands in the journal. */
function countsInJournal(): Map<string, number> {
  const journal = path.join(dir, 'journal')
  const counts = new Map<string, number>()
  for (const name of fs.readdirSync(journal).filter((one) => one.endsWith('.jsonl'))) {
    for (const line of fs.readFileSync(path.join(journal, name), 'utf8').trimEnd().split('\n')) {
      const { kind, ref } = JSON.parse(line) as { kind: string; ref?: string }
      const operation = `${kind} ${ref ?? ''}`
      counts.set(operation, (counts.get(operation) ?? 0) + 1)
    }
  }
  return counts
}

test('kill -9 at any moment loses nothing that was acknowledged, and doubles nothing', async () => {
  const told: string[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const heard = await killedAfter((round * 37) % 230, round)
    told.push(...heard)
    const store = await openStore({
      ...{ dir, purpose: 'server', now: Date.now, segmentBytesMax: 300_000 },
      ...{ onFatal: () => undefined, onTrouble: () => undefined },
    })
    for (const { id, progress } of store.ledger.orphans())
      await store.ledger.endOrphan(id, progress)
    expect(store.ledger.account('acme')?.credit.held).toBe(0n)
    await store.close()
    const counts = countsInJournal()
    expect({ round, lost: told.filter((one) => counts.get(one) !== 1) }).toEqual({
      round,
      lost: [],
    })
    expect({ round, ...auditFolder({ db: dir }) }).toMatchObject({ round, findings: [], notes: [] })
  }
  expect(told.length).toBeGreaterThan(ROUNDS * WORKERS)
}, 60_000)
