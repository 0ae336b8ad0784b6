import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import type { Entry } from '../../domain/entry.ts'
import { chargeOf, holdOf, withAccount } from '../contract.ts'
import { openStore, type Store } from './open-store.ts'
import { GENESIS, RecordWriter } from './record.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-lies-'))
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

let folders = 0
let dir = ''
const openIt = (): Promise<Store> =>
  openStore({
    ...{ dir, purpose: 'server', now: Date.now },
    ...{ onFatal: () => undefined, onTrouble: () => undefined },
  })
const segment = () => path.join(dir, 'journal', '00000001.jsonl')
const lines = () => fs.readFileSync(segment(), 'utf8').trimEnd().split('\n')
const write = (text: readonly string[]) => {
  fs.writeFileSync(segment(), `${text.join('\n')}\n`)
}
/** HEAD as it was when so many bytes were durable. */
const headAt = (offset: number) => {
  const head = { segment: 1, offset, seq: 0, chain: '' }
  fs.writeFileSync(path.join(dir, 'journal', 'HEAD'), JSON.stringify(head))
}

beforeEach(async () => {
  dir = path.join(root, `case-${++folders}`)
  const store = await openIt()
  await withAccount(store, 'acme', 1_000n)
  for (const id of ['h1', 'h2', 'h3']) {
    await store.ledger.hold(holdOf(id, 100n))
    await store.ledger.settle(chargeOf(id, 40n))
  }
  await store.close()
})

test('a journal that ends before what HEAD knew is refused, also where a line ends', async () => {
  write(lines().slice(0, -1))
  await expect(openIt()).rejects.toThrow(/the journal ends there/)
})

test('a damaged line with sound ones behind it is refused, also behind HEAD', async () => {
  headAt(0)
  const damaged = lines()
  const at = damaged.length - 4
  damaged[at] = String(damaged[at]).replace('"kind":"hold"', '"kind":"HOLD"')
  write(damaged)
  const before = fs.readFileSync(segment())
  await expect(openIt()).rejects.toThrow(/This is damage/)
  expect(fs.readFileSync(segment())).toEqual(before)
})

test('a balance that its entries do not give is refused, though every checksum fits', async () => {
  const writer = new RecordWriter(GENESIS)
  const entries = lines().map((line) => {
    const {
      seq: _seq,
      crc: _crc,
      chain: _chain,
      batch: _batch,
      ...entry
    } = JSON.parse(line) as {
      [field: string]: unknown
    }
    return entry as unknown as Entry
  })
  const rewritten = (list: readonly Entry[]) =>
    list.map((entry) => writer.batch([entry]).toString().trimEnd())
  const forged = entries.map((entry) =>
    entry.kind === 'settle' && entry.ref === 'h3' ? { ...entry, balance: '99999' } : entry,
  )
  write(rewritten(forged))
  headAt(0)
  await expect(openIt()).rejects.toThrow(/settle of h3 leaves acme with 99999/)
})
