import { expect, test } from 'vitest'
import { startFaultProvider } from './fault-provider/fault-provider.ts'
import { startGateway, userArgs, type GatewayProcess } from './support/gateway-process.ts'
import { clientOf, configFor, costOf } from './support/house.ts'
import { ofKind, readJournal } from './support/journal.ts'
import { chat, raw } from './support/raw.ts'

const WORKERS = 32
const ROUNDS = 6

/** What a worker knows for sure of a request: that it was answered, and at what cost. */
type Acknowledged = Readonly<{ requestId: string; cost: number; model: string }>

test('killed under load and started again, it has lost no acknowledged charge, doubled none, and holds nothing', async () => {
  const upstream = await startFaultProvider()
  const models = {
    words: ['answer?chunks=5'],
    stream: ['answer?chunks=10&every=10'],
    slow: ['answer?delay=400'],
  }
  let gateway = await startGateway({ config: configFor(upstream.baseUrl, models) })
  const { key } = await gateway.issue(userArgs('alice', '1000000'))
  const acknowledged: Acknowledged[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const load = runLoad(gateway, key, acknowledged)
    const target = acknowledged.length + 40 + round * 23
    while (acknowledged.length < target) await new Promise((resolve) => setTimeout(resolve, 5))
    await gateway.stop('SIGKILL')
    await load
    gateway = await gateway.restart()
  }
  const client = clientOf(gateway.url, 'alice', key)
  expect(await client.held()).toBe('0')
  const balance = Number(await client.balance())
  expect(await gateway.stop()).toBe(0)

  const settles = ofKind(gateway.dir, 'settle')
  const byRef = new Map(settles.map((record) => [record.ref, record]))
  expect(byRef.size).toBe(settles.length)
  for (const { requestId, cost } of acknowledged) {
    expect(byRef.get(requestId), requestId).toMatchObject({
      outcome: 'finished',
      amount: String(cost * 1_000_000),
    })
  }
  const charged = settles.reduce((sum, { amount }) => sum + BigInt(String(amount)), 0n)
  expect(BigInt(Math.round(balance * 1_000_000))).toBe(1_000_000_000_000n - charged)
  checkHolds(gateway.dir)
  checkAgainstUpstream(settles, upstream.journal)
  await gateway.close()
  await upstream.close()
}, 120_000)

async function runLoad(
  gateway: GatewayProcess,
  key: string,
  acknowledged: Acknowledged[],
): Promise<void> {
  const worker = async (index: number) => {
    for (;;) {
      const model = ['words', 'stream', 'slow', 'words'][index % 4] ?? 'words'
      const body = chat(
        model,
        model === 'stream' ? { stream: true, stream_options: { include_usage: true } } : {},
      )
      const answer = await raw({ url: gateway.url, key, body }).catch(() => undefined)
      if (answer === undefined) return
      const cost = costIn(answer.body, answer.headers['x-tollgate-cost'])
      if (answer.status !== 200 || cost === undefined) return
      acknowledged.push({ requestId: String(answer.headers['x-request-id']), cost, model })
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, (_, index) => worker(index)))
}

/** A stream is acknowledged when its end came: then its cost stands in the usage chunk. */
function costIn(body: string, header: string | string[] | undefined): number | undefined {
  if (header !== undefined) return Number(header)
  if (!body.endsWith('data: [DONE]\n\n')) return undefined
  const cost = /"cost":([0-9.]+)/.exec(body)?.[1]
  return cost === undefined ? undefined : Number(cost)
}

/** Every hold ended exactly once, in a charge or a release. */
function checkHolds(dir: string): void {
  const open = new Set<unknown>()
  for (const { kind, ref, seq } of readJournal(dir)) {
    if (kind === 'hold') open.add(ref)
    if (kind === 'settle' || kind === 'release' || kind === 'expire') {
      expect(open.delete(ref), `${kind} ${String(ref)} at ${seq} ends an open hold`).toBe(true)
    }
  }
  expect([...open]).toEqual([])
}

/** Charges by count, against what the provider counted on its side: never more answers charged than were given. */
function checkAgainstUpstream(
  settles: ReturnType<typeof ofKind>,
  journal: Awaited<ReturnType<typeof startFaultProvider>>['journal'],
): void {
  const finished = settles.filter(({ outcome }) => outcome === 'finished')
  const killed = settles.filter(({ outcome }) => outcome === 'killed')
  expect(finished.length + killed.length).toBeLessThanOrEqual(journal.length)
  const whole = journal.filter(({ ended }) => ended === 'finished')
  expect(finished.length).toBeLessThanOrEqual(whole.length)
  const perAnswer = new Set(whole.map(({ usage }) => costOf(usage) * 1_000_000))
  for (const { amount } of finished) expect(perAnswer).toContain(Number(amount))
}
