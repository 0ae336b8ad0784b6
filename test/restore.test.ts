import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditFolder } from '../src/wiring/audit.ts'
import { openBooks } from '../src/wiring/books.ts'
import { cleanEnv, issueKey, root, startGateway, userArgs } from './support/gateway-process.ts'
import { clientOf, configFor, MESSAGES, openHouse } from './support/house.ts'
import { runScript, type Ended } from './support/script.ts'
import { copyFolder } from '../src/store/copied-folder.ts'

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-'))
afterAll(() => {
  fs.rmSync(scratch, { recursive: true, force: true })
})

const parsed = (ended: Ended): Record<string, unknown> => {
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  return JSON.parse(ended.stdout) as Record<string, unknown>
}

/** Every file under a folder with a digest of what is in it. */
function treeOf(folder: string): Record<string, string> {
  const files = fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
  return Object.fromEntries(
    files.map((file) => [
      path.relative(folder, file),
      createHash('sha256').update(fs.readFileSync(file)).digest('hex'),
    ]),
  )
}

/** A folder with books of this much credit, and no server. */
async function newBooks(name: string, credits: string) {
  const dir = path.join(scratch, name)
  fs.mkdirSync(dir)
  fs.writeFileSync(
    path.join(dir, 'gateway.yaml'),
    configFor('http://127.0.0.1:1', { words: ['x'] }),
  )
  const { key } = await issueKey(userArgs('anna', credits), { cwd: dir, env: cleanEnv(dir) })
  return { dir, db: path.join(dir, 'db'), key }
}

test('books that were lost come back from a backup: the audit is clean, and old keys work', async () => {
  const house = await openHouse({ words: ['answer'] })
  const { gateway } = house
  const client = await house.client('5000')
  await client.openai.chat.completions.create({ model: 'words', messages: MESSAGES })
  const balance = await client.balance()
  const passphrase = { TOLLGATE_BACKUP_PASSPHRASE: 'correct horse battery staple' }
  const where = { dir: gateway.dir, env: passphrase }
  const { file } = parsed(await runScript('backup', ['--json'], where))
  await gateway.stop()
  fs.rmSync(path.join(gateway.dir, 'db'), { recursive: true })

  const restored = parsed(await runScript('restore', [String(file), '--yes', '--json'], where))
  expect(restored).toMatchObject({ done: true, after: { accounts: 1, credits: balance } })
  expect(auditFolder({ db: path.join(gateway.dir, 'db') })).toMatchObject({ count: 0 })
  const again = await startGateway({
    config: configFor(house.upstream.baseUrl, { words: ['answer'] }),
    dir: gateway.dir,
  })
  const same = clientOf(again.url, client.account, client.key)
  expect(await same.balance()).toBe(balance)
  const answer = await same.openai.chat.completions.create({ model: 'words', messages: MESSAGES })
  expect(answer.choices[0]?.finish_reason).toBe('stop')
  await again.stop()
  await house.close()
})

describe('a restore', () => {
  let older: string
  let books: Awaited<ReturnType<typeof newBooks>>
  beforeAll(async () => {
    books = await newBooks('books', '100')
    older = String(parsed(await runScript('backup', ['--json'], { dir: books.dir }))['file'])
    await issueKey(userArgs('berta', '50'), { cwd: books.dir, env: cleanEnv(books.dir) })
  })
  const restore = (args: readonly string[], env = {}) =>
    runScript('restore', [older, ...args], { dir: books.dir, env })

  test('says in a dry run what it would change, and changes nothing', async () => {
    const before = treeOf(books.dir)
    const view = parsed(await restore(['--dry-run', '--json']))
    expect(view).toMatchObject({
      done: false,
      before: { accounts: 2, credits: '150' },
      after: { accounts: 1, credits: '100' },
    })
    expect(treeOf(books.dir)).toEqual(before)
  })

  test('asks, and where nobody can answer wants --yes', async () => {
    const before = treeOf(path.join(books.db, 'journal'))
    expect(await restore([])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/--yes/) as string,
    })
    expect(treeOf(path.join(books.db, 'journal'))).toEqual(before)
    expect(fs.readdirSync(books.db).filter((name) => name.startsWith('restore'))).toEqual([])
  })

  test('is refused while a server runs on the folder', async () => {
    const config = fs.readFileSync(path.join(books.dir, 'gateway.yaml'), 'utf8')
    const gateway = await startGateway({ config, dir: books.dir })
    expect(await restore(['--yes'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/in use/) as string,
    })
    expect(await clientOf(gateway.url, 'anna', books.key).balance()).toBe('100')
    await gateway.stop()
  })

  test('keeps what was there, also when that can no longer be read', async () => {
    const damaged = path.join(scratch, 'damaged')
    copyFolder(books.dir, damaged)
    const journal = path.join(damaged, 'db', 'journal', '00000001.jsonl')
    const bytes = fs.readFileSync(journal)
    bytes[200] = 0x21
    fs.writeFileSync(journal, bytes)
    const view = parsed(await runScript('restore', [older, '--yes', '--json'], { dir: damaged }))
    expect(view).toMatchObject({
      done: true,
      before: { trouble: expect.stringMatching(/crc/) as string },
    })
    const kept = path.join(String(view['kept']), 'journal', '00000001.jsonl')
    expect(fs.readFileSync(kept).equals(bytes)).toBe(true)
    expect(auditFolder({ db: path.join(damaged, 'db') })).toMatchObject({ count: 0 })
  })

  test('of books with a finding in their audit needs to be told so', async () => {
    const odd = await newBooks('odd', '1')
    const named = `tg-${'a1B2c3D'.repeat(7)}` // looks like a key in plain text
    await issueKey(userArgs(named, '1'), { cwd: odd.dir, env: cleanEnv(odd.dir) })
    const file = String(parsed(await runScript('backup', ['--json'], { dir: odd.dir }))['file'])
    const refused = await runScript('restore', [file, '--yes'], { dir: odd.dir })
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/A17/) as string })
    const args = [file, '--yes', '--json', '--despite-findings']
    expect(parsed(await runScript('restore', args, { dir: odd.dir }))).toMatchObject({ done: true })
  })

  test('killed at any step leaves the old books or the new ones, whole, to the next start', async () => {
    const seen = new Set<string>()
    for (let step = 1; ; step++) {
      const dir = path.join(scratch, `killed-${step}`)
      copyFolder(books.dir, dir)
      const isDone = await killedAt(step, dir)
      const credits = await creditsIn(path.join(dir, 'db'))
      expect(['100', '150'], `step ${step}`).toContain(credits)
      if (credits === '150') expect(seen, `step ${step}`).not.toContain('100')
      else expect(keptJournal(dir), `step ${step}`).toEqual(treeOf(path.join(books.db, 'journal')))
      seen.add(credits)
      expect(auditFolder({ db: path.join(dir, 'db') }), `step ${step}`).toMatchObject({ count: 0 })
      const again = parsed(await runScript('restore', [older, '--yes', '--json'], { dir }))
      expect(again).toMatchObject({ done: true, after: { credits: '100' } })
      expect(fs.readdirSync(path.join(dir, 'db')).filter((one) => /^restore/.test(one))).toEqual([])
      fs.rmSync(dir, { recursive: true })
      if (isDone) break
    }
    expect([...seen]).toEqual(['150', '100'])
  }, 120_000)

  /** Whether it came to its end before that step. */
  async function killedAt(step: number, dir: string): Promise<boolean> {
    const preload = path.join(root, 'test', 'support', 'kill-at.mjs')
    const program = path.join(root, 'dist', 'cli', 'restore.js')
    const env = { ...cleanEnv(dir), KILL_AT: String(step) }
    const args = ['--import', preload, program, older, '--yes']
    const child = spawn(process.execPath, args, { cwd: dir, env, stdio: 'ignore' })
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    expect(code === 0 || signal === 'SIGKILL', `step ${step}: ${String(code)}`).toBe(true)
    return code === 0
  }

  async function creditsIn(db: string): Promise<string> {
    const store = await openBooks({ dbDir: db, purpose: 'command', onTrouble: () => undefined })
    const balanceOf = (id: string) => store.registry.account(id)?.credit.balance ?? 0n
    const sum = balanceOf('anna') + balanceOf('berta')
    await store.close()
    return String(sum / 1_000_000n)
  }

  function keptJournal(dir: string): Record<string, string> {
    const kept = fs.readdirSync(path.join(dir, 'db')).filter((one) => one.startsWith('before-'))
    expect(kept).toHaveLength(1)
    return treeOf(path.join(dir, 'db', kept[0] ?? '', 'journal'))
  }
})
