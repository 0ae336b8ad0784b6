import { execFile } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { auditFolder } from '../src/wiring/audit.ts'
import { configFor, openHouse } from './support/house.ts'
import { cleanEnv, root, startGateway, userArgs } from './support/gateway-process.ts'
import { readJournal } from './support/journal.ts'
import { runScript } from './support/script.ts'

/** Runs token-gen, whatever comes of it. */
function called(args: readonly string[], dir: string): Promise<{ code: number; text: string }> {
  const script = path.join(root, 'scripts', 'token-gen.js')
  return new Promise((resolve) => {
    const where = { cwd: dir, env: cleanEnv(dir) }
    execFile(process.execPath, [script, '--json', ...args], where, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), text: stdout + stderr })
    })
  })
}

test('a key is issued whole or not at all, also while the server is killed, and the exit code says which', async () => {
  const house = await openHouse({ words: ['answer'] })
  const { dir } = house.gateway
  const names = Array.from({ length: 12 }, (_, n) => `account${n}`)
  const calls = names.map((name) => called(userArgs(name, '5'), dir))
  await Promise.race(calls)
  await house.gateway.stop('SIGKILL')
  const ends = await Promise.all(calls)
  const gateway = await house.gateway.restart()
  await gateway.stop()
  const records = readJournal(dir)
  for (const [index, { code, text }] of ends.entries()) {
    const account = names[index] ?? ''
    const kinds = records.filter((one) => one['account'] === account).map(({ kind }) => kind)
    expect([0, 3], text).toContain(code)
    if (code === 3) expect(text).toContain('may or may not have been done')
    const whole = ['account', 'credit', 'key']
    expect(code === 3 ? [[], whole] : [whole]).toContainEqual(kinds)
  }
  expect(auditFolder({ db: path.join(dir, 'db') }).findings).toEqual([])
  await house.close()
}, 60_000)

test('what a key is issued with reaches the disk in one batch', async () => {
  const house = await openHouse({ words: ['answer'] })
  await house.gateway.issue(userArgs('together', '5'))
  const records = readJournal(house.gateway.dir).filter((one) => one['account'] === 'together')
  expect(records.map(({ kind, chain }) => [kind, chain !== undefined])).toEqual([
    ['account', false],
    ['credit', false],
    ['key', true],
  ])
  await house.close()
})

test('a grant whose server goes away ends with 3, and says under which key it can be repeated', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-gone-'))
  fs.mkdirSync(path.join(dir, 'db'))
  fs.writeFileSync(
    path.join(dir, 'gateway.yaml'),
    configFor('http://127.0.0.1:9', { words: ['x'] }),
  )
  const server = net.createServer((socket) => {
    socket.once('data', () => socket.destroy())
  })
  await new Promise<void>((resolve) => {
    server.listen(path.join(dir, 'db', 'gateway.sock'), resolve)
  })
  const args = ['credits', 'grant', 'anna', '5', '--idempotency-key', 'mine']
  const { code, stderr } = await runScript('tollgate', args, { dir })
  server.close()
  expect(stderr).toContain('may or may not have been done')
  expect(stderr).toContain('--idempotency-key mine is safe')
  expect(code).toBe(3)
  fs.rmSync(dir, { recursive: true })
})

test('of servers that start at the same moment exactly one serves, also on what a killed one left', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-together-'))
  const config = configFor('http://127.0.0.1:9', { words: ['x'] })
  for (const round of ['first', 'after kill -9']) {
    const starts = await Promise.allSettled([1, 2, 3].map(() => startGateway({ config, dir })))
    const served = starts.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const refused = starts.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))
    expect([round, served.length]).toEqual([round, 1])
    for (const why of refused) expect(why).toMatch(/ended with 1:[^]* is in use by /)
    await served[0]?.stop('SIGKILL')
  }
  fs.rmSync(dir, { recursive: true })
}, 60_000)
