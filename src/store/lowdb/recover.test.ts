import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditFolder } from '../../wiring/audit.ts'
import type { Books } from '../books.ts'
import { chargeOf, holdOf, NOT_SENT, withAccount } from '../contract.ts'
import { openStore } from './open-store.ts'
import { CorruptStore, recover } from './recover.ts'
import { dbPaths } from './segments.ts'

/** In memory where there is such a folder: thousands of cuts, each synced to the disk otherwise. */
const memory = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir()
const root = fs.mkdtempSync(path.join(memory, 'tollgate-recover-'))
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

type Record = Readonly<{ seq: number; account: string }> &
  Readonly<{ balance?: string; held?: string; chain?: string }>
/** The journal that is cut and damaged: its bytes, where each line ends, and what each line says. */
let bytes = Buffer.alloc(0)
const ends: number[] = []
let records: Record[] = []

const openAt = (dir: string) =>
  openStore({
    ...{ dir, purpose: 'server', now: Date.now },
    ...{ onFatal: () => undefined, onTrouble: () => undefined },
  })

beforeAll(async () => {
  const store = await openAt(path.join(root, 'whole'))
  const { ledger } = store
  await withAccount(store, 'acme', 1_000n)
  await Promise.all(['h1', 'h2', 'h3', 'h4'].map((id) => ledger.hold(holdOf(id, 200n))))
  await Promise.all([ledger.settle(chargeOf('h1', 150n)), ledger.release('h2', NOT_SENT)])
  await ledger.settle(chargeOf('h3', 90n))
  await Promise.all(['h5', 'h6'].map((id) => ledger.hold(holdOf(id, 10n))))
  await ledger.settle(chargeOf('h5', 5n))
  await store.close()
  bytes = fs.readFileSync(path.join(root, 'whole', 'journal', '00000001.jsonl'))
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, end + 1)) ends.push(end + 1)
  records = bytes
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record)
})

/** Where the last whole batch within so many bytes ends, and how many lines that makes. */
const wholeWithin = (length: number) => {
  const count = records.findLastIndex(
    ({ chain }, index) => chain !== undefined && (ends[index] ?? 0) <= length,
  )
  return { end: ends[count] ?? 0, count: count + 1 }
}
const lineAt = (offset: number) => ends.findLast((end) => end <= offset) ?? 0
/** A HEAD in the midst of the journal. */
const headBehind = (line: number) => wholeWithin(ends[line] ?? 0).end

let folders = 0
/** A data folder with these bytes for its journal, and HEAD there. */
function folderWith(journal: Uint8Array, headAt: number | 'absent' | 'torn') {
  const paths = dbPaths(path.join(root, `case-${++folders}`))
  fs.mkdirSync(paths.journal, { recursive: true })
  fs.writeFileSync(path.join(paths.journal, '00000001.jsonl'), journal)
  const head = { segment: 1, offset: headAt, seq: 0, chain: '' }
  if (headAt === 'torn') fs.writeFileSync(paths.head, '{"segment":1,"off')
  else if (headAt !== 'absent') fs.writeFileSync(paths.head, JSON.stringify(head))
  return paths
}

const creditOf = (books: Books) => {
  const credit = books.accounts.get('acme')?.credit
  return credit && { balance: `${credit.balance}`, held: `${credit.held}` }
}
/** What the last of so many records says about the account. */
const saidBy = (count: number) => {
  const before = records.slice(0, count)
  const last = before.findLast(({ balance }) => balance !== undefined)
  if (last !== undefined) return { balance: last.balance, held: last.held }
  return before.some(({ account }) => account === 'acme') ? { balance: '0', held: '0' } : undefined
}

const quarantined = (dir: string) => {
  const folder = path.join(dir, 'quarantine')
  return fs.existsSync(folder)
    ? fs.readdirSync(folder).map((name) => fs.readFileSync(path.join(folder, name)))
    : []
}

/** Refused as damage, with the file and the offset of the bad line, and with nothing changed. */
async function expectRefusal(paths: ReturnType<typeof dbPaths>, offset: number) {
  const file = path.join(paths.journal, '00000001.jsonl')
  const before = fs.readFileSync(file)
  const error: unknown = await recover(paths).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(CorruptStore)
  expect(String(error)).toContain(`${file}, offset ${offset}:`)
  expect(fs.readFileSync(file).equals(before)).toBe(true)
}

describe('a journal cut anywhere', () => {
  test('behind HEAD comes back as the exact prefix, and the torn bytes are set aside', async () => {
    const head = headBehind(6)
    for (let cut = head; cut <= bytes.length; cut++) {
      const paths = folderWith(bytes.subarray(0, cut), head)
      const { end, count } = wholeWithin(cut)
      const { books, tail, tornBytes } = await recover(paths)
      expect([tail?.offset, tail?.position.seq, tornBytes]).toEqual([end, count, cut - end])
      expect(creditOf(books)).toEqual(saidBy(count))
      expect(quarantined(paths.dir)).toEqual(cut === end ? [] : [bytes.subarray(end, cut)])
      expect(fs.statSync(path.join(paths.journal, '00000001.jsonl')).size).toBe(end)
      fs.rmSync(paths.dir, { recursive: true })
    }
  })

  test('inside a line before HEAD is refused with the place, and nothing is changed', async () => {
    for (let cut = 1; cut < bytes.length; cut++) {
      if (ends.includes(cut)) continue
      const paths = folderWith(bytes.subarray(0, cut), bytes.length)
      await expectRefusal(paths, lineAt(cut))
      fs.rmSync(paths.dir, { recursive: true })
    }
  })

  test('goes on from there, and the books stay true', async () => {
    const head = headBehind(6)
    for (let cut = head; cut < bytes.length; cut += 211) {
      const { dir } = folderWith(bytes.subarray(0, cut), head)
      fs.chmodSync(dir, 0o700)
      const first = await openAt(dir)
      for (const { id } of first.ledger.orphans()) await first.ledger.endOrphan(id, undefined)
      await first.ledger.hold(holdOf('new', 10n))
      await first.close()
      const second = await openAt(dir)
      expect(await second.ledger.settle(chargeOf('new', 4n))).toMatchObject({ charged: 4n })
      await second.close()
      const findings = auditFolder({ db: dir }).findings.filter(({ rule }) => rule !== 'A18')
      expect(findings).toEqual([])
    }
  })
})

describe('one flipped bit, in any byte', () => {
  const flipped = (index: number) => {
    const damaged = Buffer.from(bytes)
    damaged[index] = (damaged[index] ?? 0) ^ (1 << (index % 8))
    return damaged
  }

  test('before HEAD is refused with the place', async () => {
    for (let index = 0; index < bytes.length; index++) {
      const paths = folderWith(flipped(index), bytes.length)
      await expectRefusal(paths, lineAt(index))
      fs.rmSync(paths.dir, { recursive: true })
    }
  })

  test('behind HEAD never passes: refused, or set aside as the last write', async () => {
    for (let index = headBehind(6); index < bytes.length; index++) {
      const paths = folderWith(flipped(index), headBehind(6))
      const recovered = await recover(paths).catch((error: unknown) => error)
      if (recovered instanceof Error) expect(recovered).toBeInstanceOf(CorruptStore)
      else expect(recovered).toMatchObject({ tail: { offset: wholeWithin(index).end } })
      fs.rmSync(paths.dir, { recursive: true })
    }
  })
})

describe('HEAD', () => {
  test('missing or torn makes every bad tail damage', async () => {
    const cut = bytes.length - 7
    await expectRefusal(folderWith(bytes.subarray(0, cut), 'absent'), lineAt(cut))
    await expectRefusal(folderWith(bytes.subarray(0, cut), 'torn'), lineAt(cut))
  })

  test('missing or torn is nothing to a journal that is whole', async () => {
    for (const head of ['absent', 'torn'] as const) {
      const { tail, books } = await recover(folderWith(bytes, head))
      expect([tail?.position.seq, creditOf(books)]).toEqual([
        records.length,
        saidBy(records.length),
      ])
    }
  })
})
