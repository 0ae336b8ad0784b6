import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { claimFolder, FolderInUse } from './claim.ts'
import { openStore } from './open-store.ts'
import { socketPath } from './socket-path.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-claim-'))
const children: ChildProcess[] = []
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  fs.rmSync(root, { recursive: true })
})

let folders = 0
function newFolder(): string {
  const dir = path.join(root, `case-${++folders}`)
  fs.mkdirSync(dir)
  return dir
}
const claim = (dir: string, purpose: 'server' | 'command' = 'server') =>
  claimFolder({ dir, socket: path.join(dir, 'gateway.sock'), purpose })
const claimsIn = (dir: string) => fs.readdirSync(dir).filter((name) => name.startsWith('claim.'))

/** A process that waits for a moment, takes the folder, and says how that went; it lives until it is killed. */
const STARTER = path.join(root, 'starter.mts')
fs.writeFileSync(
  STARTER,
  `
import { claimFolder } from ${JSON.stringify(new URL('./claim.ts', import.meta.url).href)}
const [dir, at] = process.argv.slice(2)
process.stdout.write('ready\\n')
process.stdin.once('data', async () => {
  const answer = await claimFolder({ dir, socket: dir + '/gateway.sock', purpose: 'server' })
    .then(() => 'claimed', (error) => error.name)
  process.stdout.write(answer + '\\n')
})
`,
)

async function heard(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no pipe')
  const [text] = (await once(child.stdout, 'data')) as [Buffer]
  return text.toString().trim()
}

async function starter(dir: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', STARTER, dir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  children.push(child)
  expect(await heard(child)).toBe('ready')
  return child
}

/** Lets them all go at the same moment; answers what each found. */
async function raced(starters: readonly ChildProcess[]): Promise<string[]> {
  const answers = starters.map(heard)
  for (const { stdin } of starters) stdin?.write('go\n')
  return Promise.all(answers)
}

async function killed(starters: readonly ChildProcess[]): Promise<void> {
  for (const child of starters) {
    child.kill('SIGKILL')
    await once(child, 'close')
  }
}

test('a second server on the folder is refused at once, and told who has it', async () => {
  const dir = newFolder()
  const options = {
    ...{ dir, purpose: 'server' as const, now: Date.now },
    ...{ onFatal: () => undefined, onTrouble: () => undefined },
  }
  const store = await openStore(options)
  const startedAt = performance.now()
  const refusal: unknown = await openStore(options).catch((error: unknown) => error)
  expect(performance.now() - startedAt).toBeLessThan(500)
  expect(refusal).toBeInstanceOf(FolderInUse)
  expect(String(refusal)).toContain(`${dir} is in use by process ${process.pid} (server)`)
  await store.close()
  await (await openStore(options)).close()
})

test('of servers that start together one gets the folder, also after a kill -9 of the last', async () => {
  const dir = newFolder()
  for (let round = 0; round < 3; round++) {
    const starters = await Promise.all([1, 2, 3, 4].map(() => starter(dir)))
    const answers = await raced(starters)
    const expected = ['FolderInUse', 'FolderInUse', 'FolderInUse', 'claimed']
    expect({ round, answers: answers.sort() }).toEqual({ round, answers: expected })
    await killed(starters)
  }
  expect(claimsIn(dir)).toHaveLength(1)
  ;(await claim(dir)).release()
})

test('a server waits for a command that is at work', async () => {
  const dir = newFolder()
  const command = await claim(dir, 'command')
  const order: string[] = []
  setTimeout(() => {
    order.push('released')
    command.release()
  }, 100)
  const server = await claim(dir)
  order.push('claimed')
  expect(order).toEqual(['released', 'claimed'])
  server.release()
})

test('commands one after the other all get their turn, and leave one file behind', async () => {
  const dir = newFolder()
  const inside: number[] = []
  const most: number[] = []
  const turns = Array.from({ length: 10 }, async (_, turn) => {
    const mine = await claim(dir, 'command')
    inside.push(turn)
    most.push(inside.length)
    await new Promise((resolve) => setTimeout(resolve, 5))
    inside.pop()
    mine.release()
  })
  await Promise.all(turns)
  expect(most).toEqual(Array(10).fill(1))
  expect(claimsIn(dir)).toHaveLength(1)
})

test('a process that only has the number of a dead owner is not taken for it', async () => {
  const dir = newFolder()
  const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  const owner = { pid: process.pid, startedAt: '1', boot, purpose: 'server' }
  fs.writeFileSync(path.join(dir, 'claim.7'), JSON.stringify(owner))
  ;(await claim(dir)).release()
  expect(claimsIn(dir)).toEqual(['claim.8'])
})

test('a socket that a dead server left is no obstacle; one that answers is', async () => {
  const dir = newFolder()
  fs.writeFileSync(path.join(dir, 'gateway.sock'), '')
  ;(await claim(dir)).release()
  fs.rmSync(path.join(dir, 'gateway.sock'))
  const server = net.createServer().listen(path.join(dir, 'gateway.sock'))
  await once(server, 'listening')
  await expect(claim(dir)).rejects.toThrow(FolderInUse)
  server.close()
  await once(server, 'close')
})

test('a folder with a long name has a socket that works, and that is its own', async () => {
  const wanted = (name: string) => path.join(root, 'long'.repeat(30), name, 'gateway.sock')
  const [one, other] = [socketPath(wanted('one')), socketPath(wanted('other'))]
  expect([one === other, one === socketPath(wanted('one'))]).toEqual([false, true])
  const server = net.createServer().listen(one)
  await once(server, 'listening')
  expect(fs.statSync(one).isSocket()).toBe(true) // under its whole name, not a cut one
  const connection = net.connect(one)
  await once(connection, 'connect')
  connection.destroy()
  server.close()
  await once(server, 'close')
})

test('a folder with a short name keeps its socket in itself', () => {
  expect(socketPath('/srv/db/gateway.sock')).toBe('/srv/db/gateway.sock')
})
