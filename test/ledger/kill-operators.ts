import assert from 'node:assert/strict'
import path from 'node:path'
import { auditFolder } from '../../src/wiring/audit.ts'
import { startFaultProvider, type FaultProvider } from '../fault-provider/fault-provider.ts'
import { startGateway, userArgs, type GatewayProcess } from '../support/gateway-process.ts'
import { clientOf, configFor } from '../support/house.ts'
import { readJournal, type JournalRecord } from '../support/journal.ts'
import { MODELS, startCallers } from './callers.ts'
import { inFolder, type Loop, type Tally } from './loop.ts'
import { ACCOUNTS, byCommand, overHttp, type Deed, type Office } from './operators.ts'
import { seeded } from './seeded.ts'

/**
 * The gateway is killed while operators grant, deduct, adjust and transfer credit over HTTP, others do it with commands, and
 * callers chat. What each operator was told is held against the journal; a call that nobody heard the end of is made
 * again under its key, once before and once after a further restart, and is in the books once.
 */
const CALLERS = 8
const CLERKS = 4
const COMMANDS = 2

type Bed = { gateway: GatewayProcess; readonly key: string; readonly upstream: FaultProvider }

export async function killOperators({ rounds, seed, onRound }: Loop): Promise<Tally> {
  const tally = { ok: 0, fail: 0, unknown: 0 }
  const upstream = await startFaultProvider()
  const gateway = await startGateway({ config: configFor(upstream.baseUrl, MODELS) })
  const { key } = await gateway.issue(userArgs('alice', '1000000000'))
  for (const account of ACCOUNTS) await gateway.issue(userArgs(account, '100'))
  const bed: Bed = { gateway, key, upstream }
  for (let round = 0; round < rounds; round++) {
    const where = { part: 'operators', seed: seed + round }
    const deeds = await inFolder(gateway.dir, where, () => killOnce(bed, seed + round))
    for (const { heard } of deeds) tally[COUNTED[heard]]++
    onRound?.(round + 1)
  }
  await bed.gateway.close()
  await upstream.close()
  return tally
}

const COUNTED = { done: 'ok', refused: 'fail', unknown: 'unknown' } as const

async function killOnce(bed: Bed, seed: number): Promise<readonly Deed[]> {
  const chance = seeded(seed)
  const { url, dir, adminKey } = bed.gateway
  // Each start has a new port.
  const office: Office = { dir, adminKey, url: () => bed.gateway.url, chance }
  const callers = startCallers({ url, key: bed.key, workers: CALLERS, chance })
  const end = { isOver: false }
  const working = [
    ...Array.from({ length: CLERKS }, () => overHttp(office)),
    ...Array.from({ length: COMMANDS }, () => byCommand(office, () => end.isOver)),
  ]
  await callers.answered(50 + chance.below(300))
  end.isOver = true // the commands that run now are the last ones: they meet the kill
  await bed.gateway.stop('SIGKILL')
  const deeds = (await Promise.all(working)).flat()
  await callers.history
  bed.gateway = await bed.gateway.restart()
  const booked = timesBooked(readJournal(dir))
  const times = (deed: Deed): number => booked.get(deed.idempotencyKey) ?? 0
  for (const deed of deeds) {
    const right = { done: [1], refused: [0], unknown: [0, 1] }[deed.heard]
    assert.ok(right.includes(times(deed)), `${deed.heard}, and booked ${times(deed)} times`)
  }
  await checkAgain(
    bed,
    deeds.filter(({ heard }) => heard === 'unknown'),
  )
  return deeds
}

/** Whoever heard nothing asks again, as often as they like. */
async function checkAgain(bed: Bed, unknown: readonly Deed[]): Promise<void> {
  for (const { again } of unknown) await again()
  await bed.gateway.stop('SIGKILL')
  bed.gateway = await bed.gateway.restart()
  const answers = new Map<Deed, string>()
  for (const deed of unknown) answers.set(deed, await deed.again())
  const booked = timesBooked(readJournal(bed.gateway.dir))
  for (const [deed, answer] of answers) {
    const times = booked.get(deed.idempotencyKey) ?? 0
    assert.equal(times, answer === 'done' ? 1 : 0, `${answer} at last, and booked ${times} times`)
  }
  assert.equal(
    await clientOf(bed.gateway.url, 'alice', bed.key).held(),
    '0',
    'a hold is still open',
  )
  const { findings } = auditFolder({ db: path.join(bed.gateway.dir, 'db') })
  assert.deepEqual(findings, [], 'the audit finds something')
}

function timesBooked(records: readonly JournalRecord[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>()
  for (const record of records) {
    const { key } = (record['idempotency'] ?? {}) as { key?: string }
    if (key !== undefined) times.set(key, (times.get(key) ?? 0) + 1)
  }
  return times
}
