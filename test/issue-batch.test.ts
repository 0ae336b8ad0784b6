import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { cleanEnv, root } from './support/gateway-process.ts'
import { openHouse, type House } from './support/house.ts'
import { runScript } from './support/script.ts'

let house: House
beforeAll(async () => {
  house = await openHouse({ words: ['answer'] })
})
afterAll(async () => {
  await house.gateway.stop() // the one that was started again
  await house.close()
})

type Key = Readonly<{ id: string; account: string; state: string }>

const run = (...args: string[]) => runScript('tollgate', args, house.gateway)
const printed = (stdout: string): string[] => stdout.split('\r\n').slice(1, -1)

async function keysIn(batch: string): Promise<readonly Key[]> {
  const { stdout } = await run('keys', 'list', '--tag', batch, '--json')
  return JSON.parse(stdout) as Key[]
}

const ROWS = 700
/** A file of many lines, each of its own account, all of them tagged. */
function write(batch: string, rows = ROWS): string {
  const file = path.join(house.gateway.dir, `${batch}.csv`)
  const lines = Array.from({ length: rows }, (_, n) => `${batch}${n},${n + 1},${batch}`)
  fs.writeFileSync(file, ['account,credits,tags', ...lines, ''].join('\n'))
  return file
}

/** Prints a heading and 200 keys, and is killed when it has issued the next 200, and nobody has seen them. */
async function issueAndDie(file: string): Promise<string[]> {
  const { dir } = house.gateway
  const killing = path.join(root, 'test', 'support', 'kill-printing.mjs')
  const script = path.join(root, 'scripts', 'tollgate.js')
  const args = ['--import', killing, script, 'keys', 'issue-batch', file, '--yes']
  const env = { ...cleanEnv(dir), KILL_PRINTING: '3' }
  const child = spawn(process.execPath, args, { cwd: dir, env })
  let stdout = ''
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()))
  await once(child, 'close')
  expect(child.signalCode).toBe('SIGKILL')
  return printed(stdout)
}

async function creditOf(line: string): Promise<string> {
  const response = await fetch(`${house.gateway.url}/v1/account`, {
    headers: { authorization: `Bearer ${line.split(',')[1] ?? ''}` },
  })
  const { credits } = (await response.json()) as { credits: { balance: string } }
  return credits.balance
}

describe('a batch whose command was killed', () => {
  afterEach(async () => {
    if (house.gateway.process.exitCode === null) return
    house = { ...house, gateway: await house.gateway.restart() }
  })

  test.each(['served', 'alone'])(
    'is run again: each line has its key and its credit once, and all keys are printed (%s)',
    async (batch) => {
      const file = write(batch)
      if (batch === 'alone') await house.gateway.stop()
      const first = await issueAndDie(file)
      expect(first.length).toBe(200)
      expect(fs.statSync(`${file}.issuing`).mode & 0o777).toBe(0o600)
      const { code, stdout } = await run('keys', 'issue-batch', file, '--yes')
      expect(code).toBe(0)
      const lines = printed(stdout)
      expect(lines.slice(0, first.length)).toEqual(first)
      expect(lines.map((line) => line.split(',')[2])).toEqual(
        (await keysIn(batch)).map(({ id }) => id),
      )
      expect(new Set(lines).size).toBe(ROWS)
      if (house.gateway.process.exitCode !== null)
        house = { ...house, gateway: await house.gateway.restart() }
      for (const n of [0, 199, 200, 399, 400, ROWS - 1])
        expect(await creditOf(lines[n] ?? '')).toBe(String(n + 1))
      const { stdout: accounts } = await run('accounts', 'list', '--begins', batch, '--json')
      const all = JSON.parse(accounts) as { credits: { balance: string } }[]
      const paid = all.reduce((sum, { credits }) => sum + Number(credits.balance), 0)
      expect([all.length, paid]).toEqual([ROWS, (ROWS * (ROWS + 1)) / 2])
    },
  )
})

describe('a batch that is run again', () => {
  test('after all of it was done issues nothing, and says what to do', async () => {
    const file = write('done', 3)
    expect(printed((await run('keys', 'issue-batch', file, '--yes')).stdout).length).toBe(3)
    expect(fs.existsSync(`${file}.issuing`)).toBe(false)
    const again = await run('keys', 'issue-batch', file, '--yes')
    expect([again.code, printed(again.stdout)]).toEqual([1, []])
    expect(again.stderr).toMatch(/line 2: was issued before.*--batch/)
    expect(again.stderr).toMatch(/All of this batch was issued before. Nothing was issued now.\n$/)
    expect(fs.existsSync(`${file}.issuing`)).toBe(false)
    expect((await keysIn('done')).length).toBe(3)
    const other = await run('keys', 'issue-batch', file, '--yes', '--batch', 'february')
    expect([other.code, printed(other.stdout).length]).toEqual([0, 3])
    expect((await keysIn('done')).length).toBe(6)
  })

  test('with a line more issues that one, and keeps no keys that were never issued', async () => {
    const file = write('longer', 2)
    expect((await run('keys', 'issue-batch', file, '--yes')).code).toBe(0)
    fs.appendFileSync(file, 'longer2,3,longer\n')
    const again = await run('keys', 'issue-batch', file, '--yes')
    expect([again.code, printed(again.stdout).length]).toEqual([1, 1])
    expect(again.stderr).toMatch(/2 were issued before. Only the others were issued now.\n$/)
    expect(fs.existsSync(`${file}.issuing`)).toBe(false)
    expect(await creditOf(printed(again.stdout)[0] ?? '')).toBe('3')
  })

  test('with a line that is refused again keeps the keys that were issued, and no other', async () => {
    const file = write('kept', 1)
    fs.appendFileSync(file, 'no such name,1,kept\n')
    const first = await run('keys', 'issue-batch', file, '--yes')
    expect(first.stderr).toContain(`${file}.issuing`)
    const kept = JSON.parse(fs.readFileSync(`${file}.issuing`, 'utf8')) as object
    expect(Object.values(kept)).toEqual([printed(first.stdout)[0]?.split(',')[1]])
    fs.rmSync(`${file}.issuing`)
    expect((await run('keys', 'issue-batch', file, '--yes')).code).toBe(1)
    expect(fs.existsSync(`${file}.issuing`)).toBe(false)
  })

  test('with a line put right issues that one alone, and prints all', async () => {
    const file = write('mended', 2)
    fs.appendFileSync(file, 'mended2,1,mended\nmended2,1,mended\nno such name,1,mended\n')
    const first = await run('keys', 'issue-batch', file, '--yes')
    expect([first.code, printed(first.stdout).length]).toEqual([1, 4])
    expect(first.stderr).toContain(`${file}.issuing`)
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('no such name', 'mended3'))
    const second = await run('keys', 'issue-batch', file, '--yes')
    expect([second.code, printed(second.stdout).slice(0, 4)]).toEqual([0, printed(first.stdout)])
    const accounts = (await keysIn('mended')).map(({ account }) => account)
    expect(accounts).toEqual(['mended0', 'mended1', 'mended2', 'mended2', 'mended3'])
  })
})
