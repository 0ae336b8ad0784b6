// Callers of a store in a process of their own, on small segments, until it is killed: what they are told they say at
// once, on a pipe. On the compiled code, because a TypeScript loader would be most of a short life.
import fs from 'node:fs'
import { priceFrom } from '../../dist/domain/price.js'
import { textUsage } from '../../dist/domain/usage.js'
import { openStore } from '../../dist/store/lowdb/open-store.js'

const [dir, seed, workers] = process.argv.slice(2)
const price = priceFrom({ input: '1' }, { creditsPerUsd: '1', markup: '0' }, 'v1')
const { ledger, registry } = await openStore({
  ...{ dir, purpose: 'server', now: Date.now, segmentBytesMax: 300_000 },
  ...{ onFatal: () => process.exit(74), onTrouble: console.error },
})

/** The pipe is full when whoever listens is busy: wait for it, as a caller that was told must be heard. */
function told(kind, ref) {
  for (;;) {
    try {
      fs.writeSync(1, `${kind} ${ref}\n`)
      return
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
    }
  }
}

const isNew = registry.account('acme') === undefined
if (isNew) await registry.openAccount({ id: 'acme', tier: 'free' })
const grant = `grant-${seed}`
const credit = { kind: 'credit', account: 'acme', amount: 1_000_000_000n }
await registry.book(credit, { id: grant, by: 'test', reason: 'test' })
told('credit', grant)

async function worker(name) {
  for (let n = 0; ; n++) {
    const id = `${seed}.${name}.${n}`
    const hold = { id, account: 'acme', key: 'k', model: 'm', price, amount: 50n, inputCost: 5n }
    await ledger.hold(hold)
    told('hold', id)
    if (n % 5 === 0) ledger.progress(id, 7n)
    if (n % 7 === 0) {
      await ledger.release(id, { outcome: 'failed', attempts: [] })
      told('release', id)
      continue
    }
    const tokens = n % 11 === 0 ? 0 : 30 // at a micro-credit each
    await ledger.settle({
      ...{ id, cost: BigInt(tokens), payer: n % 13 === 0 ? 'operator' : 'account' },
      ...{ outcome: 'finished', usage: textUsage(tokens, 0), price, model: 'm', deployment: 'd' },
      ...{ isEstimated: false, isStream: true, attempts: [], startedAt: 1 },
      ...{ firstByteMs: 1, totalMs: 2 },
    })
    told('settle', id)
  }
}
await Promise.all(Array.from({ length: Number(workers) }, (_, name) => worker(name)))
