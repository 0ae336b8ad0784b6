// How long the audit of a long journal takes: fills a folder with holds and settles of many accounts, then audits it as
// an operator would. `--help` says more.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ensureBuilt } from './build.js'

const HELP = `node scripts/audit-load.js [options]

Measures the audit: makes a journal of so many records, on segments of 64 MiB, then runs scripts/audit.js on it. Wants no
finding, and a hundred thousand records a second.

  --records N     how many, in holds and settles (1000000)
  --accounts N    whose (1000)
  --dir DIR       where the data folder is made and removed again (the folder for temporary files)
  --json          {"records", "bytes", "seconds", "recordsPerSecond", "findings", "ok"}
  --help          this text

Ends with 1 when it misses what is wanted.
`

const WANTED = 100_000
const { values } = parseArgs({
  strict: true,
  options: {
    records: { type: 'string', default: '1000000' },
    accounts: { type: 'string', default: '1000' },
    dir: { type: 'string', default: os.tmpdir() },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) process.stdout.write(HELP)
else await main()

async function main() {
  ensureBuilt()
  const dir = fs.mkdtempSync(path.join(values.dir, 'tollgate-audit-load-'))
  try {
    await fill(dir)
    const result = audit(dir)
    process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : page(result))
    if (!result.ok) process.exitCode = 1
  } finally {
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

function whole(flag) {
  const value = Number(values[flag])
  if (Number.isSafeInteger(value) && value > 0) return value
  process.stderr.write(`--${flag} takes a whole number from 1 on. See --help.\n`)
  process.exit(1)
}

function audit(dir) {
  const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'audit.js')
  const args = [script, '--db', dir, '--logs', dir, '--json']
  const begun = performance.now()
  const { stdout } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const seconds = (performance.now() - begun) / 1000
  const { records, count: findings } = JSON.parse(stdout)
  const journal = path.join(dir, 'journal')
  const sizes = fs.readdirSync(journal).map((name) => fs.statSync(path.join(journal, name)).size)
  const recordsPerSecond = Math.round(records / seconds)
  const ok = findings === 0 && recordsPerSecond >= WANTED
  const bytes = sizes.reduce((sum, size) => sum + size, 0)
  return {
    records,
    bytes,
    seconds: Math.round(seconds * 100) / 100,
    recordsPerSecond,
    findings,
    ok,
  }
}

function page({ records, bytes, seconds, recordsPerSecond, findings, ok }) {
  const size = `${Math.round(bytes / 1024 / 1024)} MiB`
  const figures = `${records} records, ${size}: ${seconds} s, ${recordsPerSecond} a second`
  return `${figures}, ${findings} findings\n${ok ? 'All that is wanted.' : 'Not what is wanted.'}\n`
}

async function fill(dir) {
  const { openStore } = await import('../dist/store/lowdb/open-store.js')
  const store = await openStore({
    ...{ dir, purpose: 'server', now: Date.now },
    onFatal: (error) => {
      throw error
    },
    onTrouble: (message, facts) => {
      throw new Error(message, { cause: facts.error })
    },
  })
  const accounts = whole('accounts')
  for (let n = 0; n < accounts; n++) await open(store.registry, `user${n}`)
  await spend(store, { pairs: Math.ceil(whole('records') / 2), accounts })
  await store.close()
}

async function open(registry, id) {
  const key = { id: `key_${id}`, hash: `hash of ${id}`, hint: 'tg-ab…wxyz', account: id }
  const grant = { kind: 'credit', account: id, amount: 1_000_000_000_000n }
  await registry.openAccount({ id, tier: 'free' })
  await registry.addKey({ ...key, role: 'user' })
  await registry.book(grant, { id: `grant-${id}`, by: 'load', reason: 'load' })
}

async function spend(store, { pairs, accounts }) {
  const { priceFrom } = await import('../dist/domain/price.js')
  const { textUsage } = await import('../dist/domain/usage.js')
  const price = priceFrom({ input: '2', output: '20' }, { creditsPerUsd: '1', markup: '0' }, 'v1')
  let count = 0
  const caller = async () => {
    while (count < pairs) {
      const n = count++
      const id = `req_${store.run}${1_000_000_000 + n}`
      const account = `user${n % accounts}`
      const head = { id, account, key: `key_${account}`, model: 'gpt' }
      await store.ledger.hold({ ...head, price, amount: 5_000n, inputCost: 500n })
      await store.ledger.settle({
        ...{ id, cost: 2_600n, payer: 'account', outcome: 'finished', usage: textUsage(400, 90) },
        ...{ price, model: 'gpt', deployment: 'one/gpt', isEstimated: false, isStream: true },
        ...{ attempts: [{ deployment: 'one/gpt', ms: 812 }], startedAt: Date.now() },
        ...{ firstByteMs: 210, totalMs: 930 },
      })
      if (n % 10_000 === 0 && process.stderr.isTTY)
        process.stderr.write(`\r\x1b[KWriting … ${Math.floor((100 * n) / pairs)} %`)
    }
  }
  await Promise.all(Array.from({ length: 64 }, caller))
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
}
