import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chargeOf, holdOf, withAccount } from '../contract.ts'
import { openStore } from './open-store.ts'
import { CorruptStore, recover } from './recover.ts'
import { dbPaths, segmentFile } from './segments.ts'

const memory = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir()
const root = fs.mkdtempSync(path.join(memory, 'tollgate-damage-'))
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

/** A journal of two segments and no snapshot, with HEAD at its end. */
let segments: Buffer[] = []
let head = ''

beforeAll(async () => {
  const paths = dbPaths(path.join(root, 'whole'))
  const store = await openStore({
    ...{ dir: paths.dir, purpose: 'server', now: Date.now, segmentBytesMax: 4_000 },
    ...{ onFatal: () => undefined, onTrouble: () => undefined },
    makeSnapshot: () => Promise.reject(new Error('none is made')),
  })
  await withAccount(store, 'acme', 1_000n)
  for (const round of ['a', 'b', 'c']) {
    const ids = [1, 2, 3].map((n) => `${round}${n}`)
    await Promise.all(ids.map((id) => store.ledger.hold(holdOf(id, 10n))))
    await Promise.all(ids.map((id) => store.ledger.settle(chargeOf(id, 4n))))
  }
  await store.close()
  segments = [1, 2].map((n) => fs.readFileSync(path.join(paths.journal, segmentFile(n))))
  head = fs.readFileSync(paths.head, 'utf8')
  expect(fs.readdirSync(paths.journal)).toHaveLength(3)
})

let folders = 0
/** Why a start on such segments is refused; undefined where it is not. */
async function refusal(journal: readonly (Uint8Array | undefined)[]): Promise<string | undefined> {
  const paths = dbPaths(path.join(root, `case-${++folders}`))
  fs.mkdirSync(paths.journal, { recursive: true })
  for (const [index, bytes] of journal.entries())
    if (bytes !== undefined)
      fs.writeFileSync(path.join(paths.journal, segmentFile(index + 1)), bytes)
  fs.writeFileSync(paths.head, head)
  try {
    await recover(paths)
    return undefined
  } catch (error) {
    if (!(error instanceof CorruptStore)) throw error
    expect(error.message).toMatch(/journal\/0000000[12]\.jsonl/)
    expect(error.message).toContain('node scripts/audit.js --salvage DIR')
    return error.message
  } finally {
    fs.rmSync(paths.dir, { recursive: true })
  }
}

/** The journal with one of its segments replaced. */
const replaced = (index: number, bytes: Uint8Array) => segments.with(index, Buffer.from(bytes))

async function expectRefused(index: number, changes: Iterable<readonly [string, Uint8Array]>) {
  for (const [change, bytes] of changes) {
    const why = await refusal(replaced(index, bytes))
    expect({ index, change, isRefused: why !== undefined }).toMatchObject({ isRefused: true })
  }
}

describe.each([0, 1])('a journal that was durable is refused, with segment %i of two', (index) => {
  test('cut at any byte', async () => {
    const bytes = segments[index] ?? Buffer.alloc(0)
    const cuts = Array.from(bytes.keys())
    await expectRefused(
      index,
      cuts.map((cut) => [`cut at ${cut}`, bytes.subarray(0, cut)] as const),
    )
  })

  test('with one bit flipped in any byte', async () => {
    const bytes = segments[index] ?? Buffer.alloc(0)
    function* flips(): Generator<readonly [string, Uint8Array]> {
      for (let at = 0; at < bytes.length; at++) {
        const flipped = Buffer.from(bytes)
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
        yield [`bit of ${at}`, flipped]
      }
    }
    await expectRefused(index, flips())
  })

  test('with any record dropped, or two that changed places', async () => {
    const lines = (segments[index] ?? Buffer.alloc(0)).toString('latin1').split(/(?<=\n)/)
    const text = (changed: readonly string[]) => Buffer.from(changed.join(''), 'latin1')
    await expectRefused(
      index,
      lines.map((_, at) => [`without ${at}`, text(lines.toSpliced(at, 1))]),
    )
    const swapped = (at: number) =>
      text(lines.toSpliced(at, 2, lines[at + 1] ?? '', lines[at] ?? ''))
    await expectRefused(
      index,
      lines.slice(1).map((_, at) => [`swapped ${at}`, swapped(at)]),
    )
  })
})

test('a record that stands there twice is refused, or is set aside behind all that was durable', async () => {
  for (const [index, bytes] of segments.entries()) {
    const lines = bytes.toString('latin1').split(/(?<=\n)/)
    for (const [at, line] of lines.entries()) {
      const isLast = index === 1 && at === lines.length - 1
      const doubled = Buffer.from(lines.toSpliced(at, 0, line).join(''), 'latin1')
      const isRefused = (await refusal(replaced(index, doubled))) !== undefined
      expect({ index, at, isRefused }).toEqual({ index, at, isRefused: !isLast })
    }
  }
})

test('a segment that is missing is named, be it the first, the last, or all of them', async () => {
  const [one, two] = segments
  expect(await refusal([undefined, two])).toContain('00000001.jsonl is missing')
  expect(await refusal([one, undefined])).toContain('00000002.jsonl is missing')
  expect(await refusal([undefined, undefined])).toContain('00000002.jsonl is missing')
})

test('a segment that was sealed, but not followed yet, is followed by the next', async () => {
  const paths = dbPaths(path.join(root, 'half-rolled'))
  fs.mkdirSync(paths.journal, { recursive: true, mode: 0o700 })
  const file = path.join(paths.journal, segmentFile(1))
  const sealed = segments[0] ?? Buffer.alloc(0)
  for (const tail of [Buffer.alloc(0), Buffer.alloc(4_096)]) {
    fs.writeFileSync(file, Buffer.concat([sealed, tail]))
    const { tail: end } = await recover(paths)
    expect(end).toMatchObject({ segment: 2, offset: 0 })
    expect(fs.readFileSync(file).equals(sealed)).toBe(true)
  }
  fs.writeFileSync(path.join(paths.journal, segmentFile(2)), Buffer.alloc(512)) // opened, and no more
  expect((await recover(paths)).tail).toMatchObject({ segment: 2, offset: 0 })
})
