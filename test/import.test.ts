import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditFolder } from '../src/wiring/audit.ts'
import { cleanEnv, root } from './support/gateway-process.ts'
import { clientOf, configFor, MESSAGES, openHouse, type House } from './support/house.ts'
import { ofKind, readJournal } from './support/journal.ts'
import { runScript } from './support/script.ts'

const TOKENS = [
  { id: '3f9c1a7be24d4c0f9d6b8e5a17c20d4e', user_id: '1042', tokens_gpt: 1500, history: [] },
  { id: 'short', user_id: 'berta', tokens_gpt: 7 },
  { id: 'another-key-of-berta', user_id: 'berta', tokens_gpt: 5 },
  { id: 'penniless', user_id: 'carl', tokens_gpt: 0 },
]

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

function fileIn(dir: string, tokens: unknown): string {
  const file = path.join(dir, 'tokens.json')
  fs.writeFileSync(file, typeof tokens === 'string' ? tokens : JSON.stringify({ tokens }))
  return file
}

describe('an import beside a running server', () => {
  let house: House
  let dir: string
  beforeAll(async () => {
    house = await openHouse({ words: ['answer'] })
    dir = house.gateway.dir
  })
  afterAll(() => house.close())
  const balanceOf = (key: string) => clientOf(house.gateway.url, '', key).balance()

  test('says in a dry run what it would do, and does nothing', async () => {
    const ended = await runScript('import', [fileIn(dir, TOKENS), '--dry-run', '--json'], { dir })
    expect(JSON.parse(ended.stdout)).toMatchObject({
      ...{ done: false, imported: 4, known: 0, credits: '1512', problems: [] },
      weak: expect.arrayContaining(['tokens[1]']) as unknown,
    })
    expect(ofKind(dir, 'account')).toEqual([])
  })

  test('makes old keys work at once, with their credit; run again, it adds nothing', async () => {
    const file = fileIn(dir, TOKENS)
    const before = fs.readFileSync(file)
    const first = await runScript('import', [file, '--json'], { dir })
    expect(JSON.parse(first.stdout)).toMatchObject({ done: true, imported: 4, known: 0 })
    const { openai } = clientOf(house.gateway.url, '1042', TOKENS[0]?.id ?? '')
    const answer = await openai.chat.completions.create({ model: 'words', messages: MESSAGES })
    expect(answer.choices[0]?.finish_reason).toBe('stop')
    expect(await balanceOf('short')).toBe('12')
    expect(await balanceOf('another-key-of-berta')).toBe('12')
    expect(await balanceOf('penniless')).toBe('0')
    const again = await runScript('import', [file, '--json'], { dir })
    expect(JSON.parse(again.stdout)).toMatchObject({ done: true, imported: 0, known: 4 })
    expect(await balanceOf('short')).toBe('12')
    expect(ofKind(dir, 'credit').map(({ ref }) => ref)).toEqual(
      TOKENS.filter((one) => one.tokens_gpt > 0).map(({ id }) => `legacy:${sha256(id)}`),
    )
    expect(fs.readFileSync(file)).toEqual(before)
  })

  test('keeps hashes alone, marks what is easy to guess, and leaves the books true', () => {
    const journal = fs.readFileSync(path.join(dir, 'db', 'journal', '00000001.jsonl'), 'latin1')
    for (const { id } of TOKENS) expect(journal).not.toContain(id)
    const weak = ofKind(dir, 'key').filter(({ weak: is }) => is === true)
    expect(weak.map((key) => key['hash'])).toContain(sha256('short'))
    expect(auditFolder({ db: path.join(dir, 'db') })).toMatchObject({ count: 0 })
  })

  test.each<[string, unknown, RegExp]>([
    ['a float', [{ id: 'n1', user_id: 'dora', tokens_gpt: 1.5 }], /tokens\[1\]\.tokens_gpt/],
    ['a negative amount', [{ id: 'n1', user_id: 'dora', tokens_gpt: -5 }], /must not be negative/],
    [
      'a key twice',
      [{ id: 'fresh', user_id: 'dora', tokens_gpt: 5 }],
      /tokens\[1\]\.id is the same/,
    ],
    [
      'the key of another',
      [{ id: 'short', user_id: 'dora', tokens_gpt: 5 }],
      /key of berta already/,
    ],
  ])('with %s imports nothing at all', async (_, bad, reason) => {
    const entries = [{ id: 'fresh', user_id: 'dora', tokens_gpt: 5 }, ...(bad as object[])]
    const ended = await runScript('import', [fileIn(dir, entries)], { dir })
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringMatching(reason) as string })
    expect(ofKind(dir, 'account').map(({ account }) => account)).not.toContain('dora')
  })

  test('with one bad entry among thousands imports none of those before it', async () => {
    const many = Array.from({ length: 2_500 }, (_, at) => ({
      ...{ id: `many-${at}`, user_id: 'dora', tokens_gpt: 1 },
    }))
    const file = fileIn(dir, [...many, { id: 'short', user_id: 'dora', tokens_gpt: 1 }])
    const ended = await runScript('import', [file], { dir })
    expect(ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/tokens\[2500\]\.id is a key of berta/) as string,
    })
    expect(ofKind(dir, 'account').map(({ account }) => account)).not.toContain('dora')
  })

  test('names the place of numbers that JSON does not know, and quotes no key where it is not JSON', async () => {
    const odd = '{"tokens":[{"id":"NaN-key","user_id":"dora","tokens_gpt":NaN}]}'
    const nan = await runScript('import', [fileIn(dir, odd)], { dir })
    expect(nan).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/tokens\[0\]\.tokens_gpt/) as string,
    })
    const cut = await runScript('import', [fileIn(dir, odd.replace('NaN}', '}'))], { dir })
    expect(cut).toMatchObject({ code: 1, stderr: expect.stringMatching(/is not JSON/) as string })
    expect(cut.stderr).not.toContain('key"')
  })

  test('does not take the master key for a user’s', async () => {
    const entries = [{ id: house.gateway.adminKey, user_id: 'admin', tokens_gpt: 5 }]
    const ended = await runScript('import', [fileIn(dir, entries)], { dir })
    expect(ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/operator already/) as string,
    })
  })
})

test('an import that is killed on its way and run again has taken over each key once', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-'))
  fs.writeFileSync(
    path.join(dir, 'gateway.yaml'),
    configFor('http://127.0.0.1:1', { words: ['x'] }),
  )
  const count = 3_000
  const tokens = Array.from({ length: count }, (_, at) => ({
    ...{ id: sha256(`key ${at}`), user_id: `user${at % 500}`, tokens_gpt: at },
  }))
  const file = fileIn(dir, tokens)
  const program = path.join(root, 'dist', 'cli', 'import.js')
  const seen = new Set<number>()
  for (let round = 0; round < 3; round++) {
    const child = spawn(process.execPath, [program, file], { cwd: dir, env: cleanEnv(dir) })
    const journal = path.join(dir, 'db', 'journal')
    fs.mkdirSync(journal, { recursive: true, mode: 0o700 })
    const watcher = fs.watch(journal, () => {
      if (ofKind(dir, 'credit').length > seen.size * 700) child.kill('SIGKILL')
    })
    await once(child, 'exit')
    watcher.close()
    seen.add(ofKind(dir, 'credit').length)
  }
  expect([...seen].some((credits) => credits > 0 && credits < count - 1)).toBe(true)
  const ended = await runScript('import', [file, '--json'], { dir })
  expect(JSON.parse(ended.stdout)).toMatchObject({ done: true, problems: [] })
  const credits = ofKind(dir, 'credit')
  expect(new Set(credits.map(({ ref }) => ref)).size).toBe(count - 1) // the first has none
  expect(credits).toHaveLength(count - 1)
  expect(ofKind(dir, 'key')).toHaveLength(count)
  expect(keysApartFromTheirCredit(dir)).toEqual([])
  expect(auditFolder({ db: path.join(dir, 'db') })).toMatchObject({ count: 0 })
  fs.rmSync(dir, { recursive: true })
})

/** What reaches the disk in one batch is there whole or not at all; the last entry of a batch has its chain value. */
function keysApartFromTheirCredit(dir: string): readonly unknown[] {
  let batch = 0
  const batchOf = new Map<unknown, number>()
  const apart: unknown[] = []
  for (const record of readJournal(dir)) {
    if (record.kind === 'key') batchOf.set(`legacy:${record['hash'] as string}`, batch)
    if (record.kind === 'credit' && batchOf.get(record.ref) !== batch) apart.push(record.ref)
    if (record['chain'] !== undefined) batch++
  }
  return apart
}
