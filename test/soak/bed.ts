import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { auditFolder } from '../../src/wiring/audit.ts'
import { startFaultProvider } from '../fault-provider/fault-provider.ts'
import { startGateway } from '../support/gateway-process.ts'
import { clientOf, configFor, type Client, type Deployments, type House } from '../support/house.ts'
import { readJournal } from '../support/journal.ts'
import { collected, planted } from '../support/planted.ts'

/** A gateway that is to be worn out, and what it must look like afterwards. */
export type Bed = Readonly<{
  house: Pick<House, 'gateway' | 'upstream'>
  client: Client
  vitals: () => Vitals
  /** Waits until connections that are kept for a while are gone; answers what it is like then, without garbage. */
  quiet: () => Promise<Vitals>
  /** Waits until everything is as it was, and says by how much it is not if that takes too long. */
  restored: (base: Vitals) => Promise<Vitals>
  /** Stops it, and proves its books. */
  close: () => Promise<void>
}>

/** `sockets` counts every open descriptor: files do not come and go. */
type Vitals = Readonly<{ rssBytes: number; sockets: number }>

export const MIB = 1024 * 1024
const RESTORED_MS = 60_000
/** Longer than connections to providers are kept. */
const QUIET_MS = 5_000
const SOCKETS_SPARE = 5
const RSS_FACTOR = 1.2

/** One caller may do what it likes here; how many may do what is for other tests. */
const UNLIMITED = `limits: { key_in_flight_max: 0, account_in_flight_max: 0 }
overload: { loop_delay_streams_ms: 0, loop_delay_all_ms: 0 }
`

/** Nothing is given up because the machine is busy. */
const PATIENT =
  'timeouts: { connect_ms: 30000, first_byte_ms: 120000, idle_ms: 120000, total_ms: 600000 }'

export async function openBed(models: Deployments): Promise<Bed> {
  const upstream = await startFaultProvider()
  const config = configFor(upstream.baseUrl, models, UNLIMITED)
  const gateway = await startGateway({
    config: config.replace(/timeouts: .*/, PATIENT),
    env: planted(),
  })
  const { key } = await gateway.user('alice', '1000000000')
  const client = clientOf(gateway.url, 'alice', key)
  const house = { gateway, upstream }
  const { pid } = gateway.process
  const vitals = () => vitalsOf(pid ?? 0)
  return {
    ...{ house, client, vitals },
    async quiet() {
      const deadline = performance.now() + RESTORED_MS
      let [last, since] = [vitals(), performance.now()]
      while (performance.now() < Math.min(deadline, since + QUIET_MS)) {
        await new Promise((resolve) => setTimeout(resolve, 250))
        const now = vitals()
        if (now.sockets !== last.sockets) since = performance.now()
        last = now
      }
      await collected(gateway)
      return vitals()
    },
    async restored(base) {
      const deadline = performance.now() + RESTORED_MS
      for (;;) {
        await collected(gateway)
        const now = vitals()
        const wrong = await differences(house, client, { base, now })
        if (wrong.length === 0) return now
        assert.ok(performance.now() < deadline, `not as it was: ${wrong.join('; ')}`)
        await new Promise((resolve) => setTimeout(resolve, 1_000))
      }
    },
    close: () => closeBed(house),
  }
}

function vitalsOf(pid: number): Vitals {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8')
  const rssBytes = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024
  return { rssBytes, sockets: fs.readdirSync(`/proc/${pid}/fd`).length }
}

type Compared = Readonly<{ base: Vitals; now: Vitals }>

async function differences(
  { upstream }: Bed['house'],
  client: Client,
  { base, now }: Compared,
): Promise<readonly string[]> {
  const wrong: string[] = []
  if (now.sockets > base.sockets + SOCKETS_SPARE)
    wrong.push(`${now.sockets} descriptors, of ${base.sockets}`)
  if (now.rssBytes > base.rssBytes * RSS_FACTOR)
    wrong.push(`${mib(now.rssBytes)} MiB resident, of ${mib(base.rssBytes)}`)
  const held = await client.held()
  if (held !== '0') wrong.push(`${held} credits are held`)
  const running = upstream.journal.filter(({ ended }) => ended === 'running').length
  if (running > 0) wrong.push(`${running} calls to the provider go on`)
  return wrong
}

export const mib = (bytes: number): number => Math.round(bytes / MIB)

async function closeBed({ gateway, upstream }: Bed['house']): Promise<void> {
  const code = await gateway.stop()
  assert.equal(code, 0, `it ended with ${code}:\n${gateway.output().slice(-2_000)}`)
  const log = `${gateway.output()}${logIn(gateway.dir)}`
  const bug = log.split('\n').find((line) => line.includes('"level":"error"'))
  assert.equal(bug, undefined, 'it met something that nobody foresaw')
  const records = readJournal(gateway.dir)
  const open = new Set<string | undefined>()
  for (const { kind, ref } of records) {
    if (kind === 'hold') open.add(ref)
    else if (kind === 'settle' || kind === 'release' || kind === 'expire') open.delete(ref)
  }
  assert.deepEqual([...open], [], 'a hold was never ended')
  const holds = records.filter(({ kind }) => kind === 'hold').length
  const calls = upstream.journal.length
  assert.ok(calls <= ATTEMPTS_MAX * holds, `${calls} calls to the provider for ${holds} holds`)
  const { findings } = auditFolder({ db: path.join(gateway.dir, 'db') })
  assert.deepEqual(findings, [], 'the audit finds something')
  await gateway.close()
  await upstream.close()
}

const ATTEMPTS_MAX = 3

function logIn(dir: string): string {
  const logs = path.join(dir, 'logs')
  const names = fs.readdirSync(logs).filter((name) => name.endsWith('.log'))
  return names.map((name) => fs.readFileSync(path.join(logs, name), 'utf8')).join('')
}
