import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditFolder } from '../src/wiring/audit.ts'
import { verifyBackup } from '../src/wiring/backup.ts'
import { cleanEnv, issueKey, userArgs } from './support/gateway-process.ts'
import { openHouse, type Client, type House } from './support/house.ts'
import { readJournal } from './support/journal.ts'
import { chat, raw } from './support/raw.ts'
import { runScript } from './support/script.ts'

const PASSPHRASE = 'correct horse battery staple'
const ENCRYPTED = { TOLLGATE_BACKUP_PASSPHRASE: PASSPHRASE }

type Made = Readonly<{ file: string; seq: number; accounts: number; credits: string }>

let house: House
let dir: string
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-'))
beforeAll(async () => {
  house = await openHouse({ words: ['answer'] })
  dir = house.gateway.dir
})
afterAll(async () => {
  await house.close()
  fs.rmSync(scratch, { recursive: true, force: true })
})

async function backup(args: readonly string[] = [], env = {}): Promise<Made> {
  const ended = await runScript('backup', ['--json', ...args], { dir, env })
  expect(ended.stderr).toBe('')
  return JSON.parse(ended.stdout) as Made
}

const verify = (file: string, passphrase?: string) =>
  verifyBackup(file, { passphrase, onProgress: () => undefined })

/** Asks for answers until it is told to stop. */
function loadFrom(clients: readonly Client[], workers: number): { stop: () => Promise<void> } {
  let isOn = true
  const worker = async (index: number) => {
    const key = clients[index % clients.length]?.key ?? ''
    while (isOn) await raw({ url: house.gateway.url, key, body: chat('words') })
  }
  const all = Promise.all(Array.from({ length: workers }, (_, index) => worker(index)))
  return {
    async stop() {
      isOn = false
      await all
    },
  }
}

/** What all accounts had at a seq, by the balances that stand in the journal. */
function creditsAt(seq: number): string {
  const balances = new Map<unknown, bigint>()
  for (const record of readJournal(dir)) {
    const { account, balance } = record
    if (record.seq <= seq && typeof balance === 'string') balances.set(account, BigInt(balance))
  }
  const micro = [...balances.values()].reduce((sum, one) => sum + one, 0n)
  return (Number(micro) / 1_000_000).toString()
}

describe('a backup', () => {
  test('of a server under load has the books as they were at its seq, and their audit is clean', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => house.client()))
    const load = loadFrom(clients, 16)
    const made = [await backup(['--to', 'a.tar.gz']), await backup(['--to', 'b.tar.gz'])]
    await load.stop()
    const [first, second] = made
    expect(second?.seq).toBeGreaterThan(first?.seq ?? 0)
    for (const { file, seq, credits, accounts } of made) {
      expect(accounts).toBe(4)
      expect(credits).toBe(creditsAt(seq))
      const unpacked = path.join(scratch, path.basename(file, '.tar.gz'))
      fs.mkdirSync(unpacked, { mode: 0o700 })
      execFileSync('tar', ['-xzf', file, '-C', unpacked]) // a backup needs nothing of ours to be read
      fs.chmodSync(path.join(unpacked, 'db'), 0o700)
      fs.chmodSync(path.join(unpacked, 'db', 'journal'), 0o700)
      expect(auditFolder({ db: path.join(unpacked, 'db') })).toMatchObject({
        count: 0,
        records: seq,
      })
    }
  })

  test('is its owner’s alone, and is never written over', async () => {
    const { file } = await backup(['--to', 'once.tar.gz'])
    expect(fs.statSync(file).mode & 0o777).toBe(0o600)
    const before = fs.readFileSync(file)
    const again = await runScript('backup', ['--to', 'once.tar.gz'], { dir })
    expect(again).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/exists already/) as string,
    })
    expect(fs.readFileSync(file)).toEqual(before)
  })

  test('is not made of a folder without books, nor are books made there', async () => {
    const empty = path.join(scratch, 'empty')
    const ended = await runScript('backup', [], { dir, env: { DB_DIR: empty } })
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/no books/) as string })
    expect(fs.existsSync(empty)).toBe(false)
  })

  test('does not lie in the folder that it is to save', async () => {
    const ended = await runScript('backup', ['--to', 'db/backups'], { dir })
    expect(ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/lost with it/) as string,
    })
    expect(fs.existsSync(path.join(dir, 'db', 'backups'))).toBe(false)
  })

  test('removes older ones only when it is there, and only those of its own naming', async () => {
    const folder = path.join(dir, 'kept')
    fs.mkdirSync(folder)
    const old = ['20200101-000000', '20210101-000000'].map((day) => `backup-db-${day}.tar.gz`)
    for (const name of [...old, 'backup-db-mine.tar.gz'])
      fs.writeFileSync(path.join(folder, name), '')
    const { file } = await backup(['--to', folder, '--keep', '2'])
    expect(fs.readdirSync(folder).sort()).toEqual(
      [old[1], path.basename(file), 'backup-db-mine.tar.gz'].sort(),
    )
  })

  test('has configuration and secrets in it only when asked, and then never in plain text', async () => {
    fs.writeFileSync(path.join(dir, '.env'), 'OPENAI_API_KEY=sk-canary-3141592653589793\n')
    const plain = await runScript('backup', ['--with-config'], { dir })
    expect(plain).toMatchObject({ code: 1, stderr: expect.stringMatching(/passphrase/) as string })
    const { file } = await backup(['--with-config'], ENCRYPTED)
    expect(fs.readFileSync(file).includes('canary')).toBe(false)
    const { manifest } = await verify(file, PASSPHRASE)
    expect(manifest.files.map(({ name }) => name)).toContain('config/.env')
    const without = await verify((await backup(['--to', 'without.tar.gz'])).file)
    expect(without.manifest.files.map(({ name }) => name)).toEqual([
      'db/journal/00000001.jsonl',
      'db/journal/HEAD',
    ])
    fs.rmSync(path.join(dir, '.env'))
  })
})

describe('a damaged backup is refused', () => {
  let plain: Buffer
  let sealed: Buffer
  const small = path.join(scratch, 'small')
  beforeAll(async () => {
    fs.mkdirSync(small)
    fs.copyFileSync(path.join(dir, 'gateway.yaml'), path.join(small, 'gateway.yaml'))
    await issueKey(userArgs('anna', '10'), { cwd: small, env: cleanEnv(small) })
    const made = async (name: string, env = {}): Promise<Buffer> => {
      await runScript('backup', ['--to', name], { dir: small, env })
      return fs.readFileSync(path.join(small, name))
    }
    plain = await made('whole.tar.gz')
    sealed = await made('whole.tar.gz.enc', ENCRYPTED)
  })

  const damaged = path.join(scratch, 'damaged')
  const refusal = async (bytes: Buffer, passphrase?: string): Promise<string> => {
    fs.writeFileSync(damaged, bytes)
    const error: unknown = await verify(damaged, passphrase).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    return error instanceof Error ? error.name : 'accepted'
  }
  const flipped = (bytes: Buffer, at: number, bit = 0): Buffer => {
    const copy = Buffer.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ (1 << bit)
    return copy
  }

  test('when it is cut anywhere', async () => {
    for (let length = 0; length < plain.length; length += 17)
      expect(await refusal(plain.subarray(0, length)), `${length} bytes`).toBe('DamagedBackup')
    expect(await refusal(plain.subarray(0, -1))).toBe('DamagedBackup')
  })

  test('when any bit of its last bytes is another, or one of a byte before them', async () => {
    const tail = plain.length - 40
    const step = 3
    for (let at = 0; at < plain.length; at += at < tail ? step : 1) {
      for (let bit = 0; bit < (at < tail ? 1 : 8); bit++) {
        const other = flipped(plain, at, at < tail ? at % 8 : bit)
        expect(await refusal(other), `byte ${at}, bit ${bit}`).toBe('DamagedBackup')
      }
    }
    expect(await refusal(plain)).toBe('accepted')
  })

  test('when something follows its end', async () => {
    for (const more of [Buffer.from([0]), Buffer.from('x'), plain])
      expect(await refusal(Buffer.concat([plain, more]))).toBe('DamagedBackup')
    expect(await refusal(Buffer.concat([sealed, sealed]), PASSPHRASE)).toBe('DamagedBackup')
  })

  test('when an encrypted one is cut, or changed in its head or in one of its chunks', async () => {
    const body = sealed.indexOf('\n', sealed.indexOf('\n') + 1) + 1
    for (let at = 0; at < body; at += 7)
      expect(await refusal(flipped(sealed, at), PASSPHRASE), `byte ${at}`).toBe('DamagedBackup')
    const places = [body + 500, sealed.length - 1]
    for (const at of places)
      expect(await refusal(flipped(sealed, at), PASSPHRASE), `byte ${at}`).toBe('DamagedBackup')
    for (const length of [body - 1, body, sealed.length - 1])
      expect(await refusal(sealed.subarray(0, length), PASSPHRASE), `${length}`).toBe(
        'DamagedBackup',
      )
  })

  test('without its passphrase, and with another', async () => {
    expect(await refusal(sealed)).toBe('WrongPassphrase')
    expect(await refusal(sealed, `${PASSPHRASE}!`)).toBe('WrongPassphrase')
    expect(await refusal(sealed, PASSPHRASE)).toBe('accepted')
    const ended = await runScript('backup', ['verify', damaged], { dir })
    expect(ended).toMatchObject({ code: 3, stderr: expect.stringMatching(/encrypted/) as string })
  })

  test('when it is something else, or nothing', async () => {
    expect(await refusal(Buffer.alloc(0))).toBe('DamagedBackup')
    expect(await refusal(Buffer.from('{"tokens":[]}'))).toBe('DamagedBackup')
    const ended = await runScript('backup', ['verify', damaged, '--json'], { dir })
    expect(ended).toMatchObject({ code: 2, stdout: '' })
  })
})
