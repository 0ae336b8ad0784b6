import { execFile } from 'node:child_process'
import path from 'node:path'
import { expect, test } from 'vitest'
import { auditFolder } from '../src/wiring/audit.ts'
import { openHouse } from './support/house.ts'
import { cleanEnv, root, userArgs } from './support/gateway-process.ts'
import { readJournal } from './support/journal.ts'

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
