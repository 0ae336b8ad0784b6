import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { holdOf, withAccount } from '../contract.ts'
import { openStore } from './open-store.ts'
import { CorruptStore, recover } from './recover.ts'
import { dbPaths } from './segments.ts'

const SECTOR = 512
const memory = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir()
const root = fs.mkdtempSync(path.join(memory, 'tollgate-torn-'))
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

/** A journal that ends with two batches of many lines, and where each of these begins. */
let bytes = Buffer.alloc(0)
let [before, last] = [0, 0]

beforeAll(async () => {
  const store = await openStore({
    ...{ dir: path.join(root, 'whole'), purpose: 'server', now: Date.now },
    ...{ onFatal: () => undefined, onTrouble: () => undefined },
  })
  await withAccount(store, 'acme', 1_000n)
  for (const round of ['a', 'b'])
    await Promise.all(
      Array.from({ length: 16 }, (_, n) => n).map((n) =>
        store.ledger.hold(holdOf(`${round}${n}`, 10n)),
      ),
    )
  await store.close()
  bytes = fs.readFileSync(path.join(root, 'whole', 'journal', '00000001.jsonl'))
  const starts = [
    ...bytes.toString('latin1').matchAll(/"chain":"[0-9a-f]{64}","crc":"[0-9a-f]{8}"\}\n/g),
  ]
  ;[before = 0, last = 0] = starts.slice(-3).map(({ 0: text, index }) => index + text.length)
})

/** The sectors in which bytes of a region stand, as regions that end with it. */
const sectorsOf = (from: number, to: number) =>
  Array.from({ length: Math.ceil(to / SECTOR) - Math.floor(from / SECTOR) }, (_, index) => {
    const start = (Math.floor(from / SECTOR) + index) * SECTOR
    return { start: Math.max(start, from), end: Math.min(start + SECTOR, to) }
  })

let folders = 0
async function recovered(journal: Buffer, headAt: number) {
  const paths = dbPaths(path.join(root, `case-${++folders}`))
  fs.mkdirSync(paths.journal, { recursive: true })
  fs.writeFileSync(path.join(paths.journal, '00000001.jsonl'), journal)
  fs.writeFileSync(paths.head, JSON.stringify({ segment: 1, offset: headAt, seq: 0, chain: '' }))
  try {
    const { tail, tornBytes, books } = await recover(paths)
    const aside = fs.existsSync(paths.quarantine) ? fs.readdirSync(paths.quarantine) : []
    const moved = aside.map((name) => fs.readFileSync(path.join(paths.quarantine, name)))
    return { offset: tail?.offset, tornBytes, holds: books.holds.size, moved }
  } catch (error) {
    if (error instanceof CorruptStore) return error.message
    throw error
  } finally {
    fs.rmSync(paths.dir, { recursive: true })
  }
}

/** What stands there when these regions never reached the disk, with zeros laid ahead of it all. */
function without(regions: readonly { start: number; end: number }[]): Buffer {
  const torn = Buffer.concat([bytes, Buffer.alloc(4 * SECTOR)])
  for (const { start, end } of regions) torn.fill(0, start, end)
  return torn
}

test('zeros behind the last batch are no damage, and nothing is set aside', async () => {
  const whole = { offset: bytes.length, tornBytes: 0, holds: 32, moved: [] }
  for (const head of [before, last, bytes.length])
    expect(await recovered(without([]), head)).toEqual(whole)
})

test('whichever sectors of the last write are missing, it is set aside as one', async () => {
  const sectors = sectorsOf(last, bytes.length)
  expect(sectors.length).toBeGreaterThan(4)
  for (let mask = 1; mask < 2 ** sectors.length; mask++) {
    const torn = without(sectors.filter((_, index) => (mask & (1 << index)) !== 0))
    const text = torn.subarray(last).toString('latin1').replace(/\0+$/, '')
    const moved = text === '' ? [] : [Buffer.from(text, 'latin1')]
    const expected = { offset: last, tornBytes: text.length, holds: 16, moved }
    expect({ mask, found: await recovered(torn, last) }).toEqual({ mask, found: expected })
  }
})

const isDamage = (found: unknown) => String(found).includes('This is damage')

describe('it is damage, and the start is refused, when zeros stand', () => {
  test('in a batch that has another behind it', async () => {
    for (const hole of sectorsOf(before, last)) {
      const found = await recovered(without([hole]), before)
      expect({ hole, isRefused: isDamage(found) }).toEqual({ hole, isRefused: true })
      const wide = { start: hole.start, end: Math.ceil(hole.end / SECTOR) * SECTOR }
      expect(await recovered(without([wide]), before)).toContain('This is damage')
    }
  })

  test('before HEAD, be it at the very end or where a line begins', async () => {
    for (const { start, end } of [
      { start: last, end: bytes.length },
      ...sectorsOf(last, bytes.length),
    ]) {
      const found = await recovered(without([{ start, end }]), bytes.length)
      expect({ start, isRefused: typeof found === 'string' }).toEqual({ start, isRefused: true })
    }
  })

  test('where no sector begins or ends, with sound lines behind them', async () => {
    for (const hole of sectorsOf(last, bytes.length - SECTOR)) {
      const { start, end } = { start: hole.start + 9, end: hole.end - 9 }
      if (end <= start) continue
      const found = await recovered(without([{ start, end }]), last)
      expect({ hole, isRefused: isDamage(found) }).toEqual({ hole, isRefused: true })
    }
  })

  test('beside a line that was changed', async () => {
    const holes = sectorsOf(last, bytes.length)
    for (const changed of [last, holes[3]?.start ?? 0]) {
      const torn = without(holes.slice(1, 2))
      torn[torn.indexOf('"amount":"10"', changed) + 10] = 0x32
      expect(await recovered(torn, last)).toContain('This is damage')
    }
  })
})
