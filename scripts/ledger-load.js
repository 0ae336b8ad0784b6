// How much one account's ledger takes: hold and settle in pairs on a real disk, while snapshots of many accounts are
// made, and how long the event loop was held up by all of it. `--help` says more.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { ensureBuilt } from './build.js'

const HELP = `node scripts/ledger-load.js [options]

Measures the ledger alone: callers who take a hold on one account and settle it, each durable before the next, beside as
many other accounts as you say, on segments so small that a snapshot is always being made. Wants 3000 pairs a second and
a delay of the event loop below 20 ms in 99 of 100 samples.

  --accounts NS   how many, one run each, with commas (10000,100000)
  --seconds N     length of a run (5)
  --callers N     at once (64)
  --segment MB    size of a segment, after which a snapshot is made (4)
  --dir DIR       where the data folder is made and removed again (the folder for temporary files)
  --json          {"runs": [{"accounts", "pairsPerSecond", "p50Ms", "p99Ms", "loopP99Ms", "loopMaxMs", "snapshots", …}], "ok"}
  --help          this text

Ends with 1 when a run misses what is wanted.
`

const WANTED = { pairsPerSecond: 3_000, loopP99Ms: 20 }
const { values } = parseArgs({
  strict: true,
  options: {
    accounts: { type: 'string', default: '10000,100000' },
    seconds: { type: 'string', default: '5' },
    callers: { type: 'string', default: '64' },
    segment: { type: 'string', default: '4' },
    dir: { type: 'string', default: os.tmpdir() },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) process.stdout.write(HELP)
else await main()

async function main() {
  ensureBuilt()
  const runs = []
  for (const accounts of values.accounts.split(',').map((text) => whole('--accounts', text)))
    runs.push(await run(accounts))
  const ok = runs.every(
    (one) =>
      one.pairsPerSecond >= WANTED.pairsPerSecond &&
      one.loopP99Ms < WANTED.loopP99Ms &&
      one.troubles.length === 0,
  )
  if (values.json) process.stdout.write(`${JSON.stringify({ runs, ok })}\n`)
  else {
    console.table(runs)
    process.stdout.write(ok ? 'All that is wanted.\n' : 'Not what is wanted.\n')
  }
  if (!ok) process.exitCode = 1
}

function whole(flag, text) {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  process.stderr.write(`${flag} takes whole numbers from 1 on, not ${text}. See --help.\n`)
  process.exit(1)
}

async function run(accounts) {
  const dir = fs.mkdtempSync(path.join(values.dir, 'tollgate-load-'))
  try {
    return await measure(dir, accounts)
  } finally {
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

async function measure(dir, accounts) {
  const { openStore } = await import('../dist/store/lowdb/open-store.js')
  const troubles = []
  const store = await openStore({
    ...{ dir, purpose: 'server', now: Date.now },
    segmentBytesMax: whole('--segment', values.segment) * 1024 * 1024,
    onFatal: (error) => {
      throw error
    },
    onTrouble: (message, facts) => troubles.push(`${message}: ${facts.error}`),
  })
  await fill(store.registry, accounts)
  const snapshot = path.join(dir, 'gateway.json')
  let [snapshots, changedAt] = [0, 0]
  const watch = setInterval(() => {
    const { mtimeMs = 0 } = fs.statSync(snapshot, { throwIfNoEntry: false }) ?? {}
    if (mtimeMs !== changedAt) snapshots++
    changedAt = mtimeMs
  }, 50)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const cpuBefore = process.cpuUsage()
  const { pairs, seconds, times } = await load(store.ledger)
  const { user, system } = process.cpuUsage(cpuBefore)
  delay.disable()
  clearInterval(watch)
  await store.close()
  times.sort((a, b) => a - b)
  const timeAt = (share) => rounded(times[Math.floor(times.length * share)] ?? 0)
  return {
    accounts,
    pairsPerSecond: Math.round(pairs / seconds),
    ...{ p50Ms: timeAt(0.5), p99Ms: timeAt(0.99) },
    // The sampler itself sleeps for a millisecond, which is part of what it says.
    ...{
      loopP99Ms: rounded(delay.percentile(99) / 1e6 - 1),
      loopMaxMs: rounded(delay.max / 1e6 - 1),
    },
    ...{ snapshots, cpuMicrosAPair: Math.round((user + system) / pairs), troubles },
  }
}

function rounded(ms) {
  return Math.round(ms * 100) / 100
}

/** Others, who do nothing but be in every snapshot, and the one that is used. */
async function fill(registry, accounts) {
  const atOnce = 1_000
  for (let from = 0; from < accounts; from += atOnce) {
    const ids = Array.from(
      { length: Math.min(atOnce, accounts - from) },
      (_, n) => `user${from + n}`,
    )
    await Promise.all(ids.map((id) => open(registry, id)))
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${from + ids.length} accounts`)
  }
  await open(registry, 'acme')
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
}

async function open(registry, id) {
  const key = { id: `key_${id}`, hash: `hash of ${id}`, hint: 'tg-ab…wxyz', account: id }
  const amount = 1_000_000_000_000n
  await Promise.all([
    registry.openAccount({ id, tier: 'free' }),
    registry.addKey({ ...key, role: 'user' }),
    registry.book(
      { kind: 'credit', account: id, amount },
      { id: `grant-${id}`, by: 'load', reason: 'load' },
    ),
  ])
}

async function load(ledger) {
  const { priceFrom } = await import('../dist/domain/price.js')
  const { textUsage } = await import('../dist/domain/usage.js')
  const price = priceFrom({ input: '2', output: '20' }, { creditsPerUsd: '1', markup: '0' }, 'v1')
  const begun = performance.now()
  const end = begun + whole('--seconds', values.seconds) * 1000
  const times = []
  const caller = async (name) => {
    for (let n = 0; performance.now() < end; n++) {
      const at = performance.now()
      const id = `req_${name}.${n}`
      const head = { id, account: 'acme', key: 'key_acme', model: 'gpt' }
      await ledger.hold({ ...head, price, amount: 5_000n, inputCost: 500n })
      await ledger.settle({
        ...{ id, cost: 2_600n, payer: 'account', outcome: 'finished', usage: textUsage(400, 90) },
        ...{ price, model: 'gpt', deployment: 'one/gpt', isEstimated: false, isStream: true },
        ...{ attempts: [{ deployment: 'one/gpt', ms: 812 }], startedAt: Date.now() },
        ...{ firstByteMs: 210, totalMs: 930 },
      })
      times.push(performance.now() - at)
    }
  }
  const callers = Array.from({ length: whole('--callers', values.callers) }, (_, n) => caller(n))
  await Promise.all(callers)
  return { pairs: times.length, seconds: (performance.now() - begun) / 1000, times }
}
