import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { holdOf, withAccount } from '../src/store/contract.ts'
import { openStore } from '../src/store/lowdb/open-store.ts'
import { packSealed } from '../src/store/lowdb/pack-sealed.ts'
import { dbPaths } from '../src/store/lowdb/segments.ts'
import { root as project } from './support/gateway-process.ts'
import { copyFolder } from '../src/store/copied-folder.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-archive-'))
const whole = dbPaths(path.join(root, 'whole'))
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

/** Long ago, and packed as far as both snapshots reach. */
beforeAll(async () => {
  for (const run of ['a', 'b', 'c']) {
    const store = await openStore({
      ...{ dir: whole.dir, purpose: 'server', now: () => 5_000, segmentBytesMax: 4_000 },
      ...{ onFatal: () => undefined, onTrouble: () => undefined },
    })
    if (run === 'a') await withAccount(store, 'acme', 9_000n)
    for (let n = 0; n < 40; n++) await store.ledger.hold(holdOf(`${run}${n}`, 1n))
    await store.close()
  }
  const { segment } = JSON.parse(fs.readFileSync(whole.previousSnapshot, 'utf8')) as {
    segment: number
  }
  packSealed(whole, { upTo: segment, pace: () => undefined, isEnough: () => false })
})

const script = (name: string) => path.join(project, 'scripts', name)
const archiveArgs = (db: string, to: string) => [
  ...[script('archive.js'), '--db', db, '--to', to, '--older-than', '1d', '--json'],
]

function audit(db: string, ...more: string[]) {
  const args = [script('audit.js'), '--db', db, '--logs', db, '--json', ...more]
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  return { status, notes: (JSON.parse(stdout) as { notes: string[] }).notes }
}

/** Ends the command when so many files have come and gone on its way. */
function killedAfter(changes: number, { db, to }: { db: string; to: string }) {
  const child = spawn(process.execPath, archiveArgs(db, to), { stdio: 'ignore' })
  const watchers = [to, path.join(db, 'archive'), path.join(db, 'journal')].map((dir) => {
    fs.mkdirSync(dir, { recursive: true, mode: 0o700 })
    return fs.watch(dir, () => {
      if (--changes === 0) child.kill('SIGKILL')
    })
  })
  return new Promise((resolve) => {
    child.once('exit', (_, signal) => {
      for (const watcher of watchers) watcher.close()
      resolve(signal)
    })
  })
}

test('kill -9 while segments are moved loses none of them, and the next time finishes the work', async () => {
  const ends = new Set<unknown>()
  for (const changes of [1, 5, 12, 25, 40, 55]) {
    const [db, to] = [path.join(root, `db-${changes}`), path.join(root, `to-${changes}`)]
    copyFolder(whole.dir, db)
    ends.add(await killedAfter(changes, { db, to }))
    expect(audit(db)).toMatchObject({ status: 0 })
    const { status } = spawnSync(process.execPath, archiveArgs(db, to))
    expect(status).toBe(0)
    expect(fs.readdirSync(to).filter((name) => name.endsWith('.tmp'))).toEqual([])
    expect(fs.readdirSync(path.join(db, 'journal'))).not.toContain('00000001.jsonl.gz')
    expect(audit(db, '--archive', to)).toEqual({ status: 0, notes: [] })
  }
  expect(ends).toContain('SIGKILL')
})
