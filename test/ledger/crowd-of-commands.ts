import assert from 'node:assert/strict'
import path from 'node:path'
import { auditFolder } from '../../src/wiring/audit.ts'
import { startFaultProvider } from '../fault-provider/fault-provider.ts'
import { startGateway, userArgs, type GatewayProcess } from '../support/gateway-process.ts'
import { clientOf, configFor } from '../support/house.ts'
import { runScript } from '../support/script.ts'
import { MODELS, startCallers } from './callers.ts'
import { seeded } from './seeded.ts'

/** Commands that run at the same time: each is a process of its own. */
const AT_ONCE = 8
const CALLERS = 16

type Crowd = Readonly<{ calls: number; onCall?: (done: number) => void }>

/** Keys are issued and credit is granted by commands, beside a gateway that is kept busy: none of it may be lost. */
export async function crowdOfCommands({
  calls,
  onCall,
}: Crowd): Promise<{ keys: number; grants: number }> {
  const upstream = await startFaultProvider()
  const gateway = await startGateway({ config: configFor(upstream.baseUrl, MODELS) })
  const { key } = await gateway.issue(userArgs('alice', '1000000000'))
  const callers = startCallers({ url: gateway.url, key, workers: CALLERS, chance: seeded(1) })
  const first = await gateway.issue(userArgs('crowd', '0'))
  const keys = [first.key]
  let [next, done, grants] = [0, 0, 0]
  const clerk = async (): Promise<void> => {
    while (next < calls) {
      if (next++ % 2 === 0) keys.push((await gateway.issue(userArgs('crowd', '1'))).key)
      else {
        await grantOne(gateway)
        grants++
      }
      onCall?.(++done)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, clerk))
  await checkCrowd(gateway, { keys, credit: calls })
  await gateway.stop('SIGKILL')
  await callers.history
  const again = await gateway.restart()
  await checkCrowd(again, { keys, credit: calls })
  await again.stop()
  const { findings } = auditFolder({ db: path.join(again.dir, 'db') })
  assert.deepEqual(findings, [], 'the audit finds something')
  await again.close()
  await upstream.close()
  return { keys: keys.length, grants }
}

async function grantOne({ dir }: GatewayProcess): Promise<void> {
  const { code, stderr } = await runScript('tollgate', ['credits', 'grant', 'crowd', '1'], { dir })
  assert.equal(code, 0, stderr)
}

/** Every key is live, and the account has what was paid in. */
async function checkCrowd(
  { url }: GatewayProcess,
  { keys, credit }: Readonly<{ keys: readonly string[]; credit: number }>,
): Promise<void> {
  assert.equal(new Set(keys).size, keys.length, 'a key was issued twice')
  for (const key of keys)
    assert.equal(await clientOf(url, 'crowd', key).balance(), String(credit), 'an update is lost')
}
