// Two faults one after the other, or at once: one of a provider, one of a caller or of the process. What is asked follows
// from the seed; what it meets is up to the machine.
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { startFaultProvider, type FaultProvider } from '../fault-provider/fault-provider.ts'
import { seeded } from '../ledger/seeded.ts'
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts'
import { configFor } from '../support/house.ts'
import { checkInvariants } from '../support/invariants.ts'
import { planted } from '../support/planted.ts'
import { markedChat, raw, type RawAnswer } from '../support/raw.ts'
import { warmBaseOf, type Base } from '../support/returned.ts'

export type Pairs = Readonly<{
  pairs: number
  seed: number
  onPair?: (done: number, names: readonly string[]) => void
}>

const PROVIDER_FAULTS = [
  ...['status=500', 'status=429', 'status=401', 'hang', 'stall=0', 'stall=2', 'cut=0', 'cut=2'],
  ...['end=2', 'error=1', 'bad_line=1', 'body=html', 'body=empty', 'usage=none', 'stale'],
  ...['raw=no_http', 'raw=endless_interim', 'raw=closed_at_once', 'raw=gzip_bomb'],
  ...['raw=bad_chunk&raw_after=2', 'raw=large_event&raw_after=1', 'raw=reset&raw_after=2'],
] as const
const OTHER_FAULTS = ['leaves', 'leaves early', 'reloads', 'is killed', 'stops', 'nothing'] as const
type OtherFault = (typeof OTHER_FAULTS)[number]
/** A model that none of the pairs asks for. */
const FLOOD = 'flood'

const modelOf = (fault: string): string => fault.replace(/\W/g, '-')

/** Runs so many pairs in one folder; throws what is wrong, with the pair and its seed. */
export async function runPairs({ pairs, seed, onPair }: Pairs): Promise<void> {
  const upstream = await startFaultProvider()
  const models = Object.fromEntries(
    PROVIDER_FAULTS.flatMap((fault) => [
      [modelOf(fault), [`answer?chunks=8&every=5&${fault}`, 'answer?chunks=8&every=5']],
      [`${modelOf(fault)}-only`, [`answer?chunks=8&every=5&${fault}&only`]],
    ]),
  )
  models[FLOOD] = ['answer?raw=large_event&raw_after=1']
  const config = configFor(upstream.baseUrl, models)
  let gateway = await startGateway({ config, env: { ...planted(), STOP_NOTICE_MS: '0' } })
  const keys: string[] = []
  for (const name of ['ann', 'bob', 'cyd']) keys.push((await gateway.user(name, '1000000000')).key)
  try {
    let base = await warmBase(gateway, keys)
    for (let at = 0; at < pairs; at++) {
      const chance = seeded(seed + at)
      const fault = chance.pick(PROVIDER_FAULTS)
      const other = chance.pick(OTHER_FAULTS)
      const alone = chance.below(2) === 0 ? '-only' : ''
      const names = [`${fault}${alone}`, other]
      try {
        const pair = { gateway, upstream, keys, model: modelOf(fault) + alone, other }
        const { next, heard } = await runPair(pair)
        if (next !== gateway) base = await warmBase(next, keys)
        gateway = next
        const bed = {
          gateway,
          upstreams: [upstream],
          secrets: ['upstream-secret-1', ...keys],
          base,
        }
        await checkInvariants(bed, heard)
      } catch (cause) {
        throw new Error(`--seed ${seed + at} --pairs 1: ${names.join(', then ')}`, { cause })
      }
      onPair?.(at + 1, names)
    }
  } finally {
    await gateway.close()
    await upstream.close()
  }
}

/** What floods take for the first time the allocator keeps: of as many at once as a pair has. */
async function warmBase(gateway: GatewayProcess, keys: readonly string[]): Promise<Base> {
  const [key = ''] = keys
  const ask = (model: string, key: string) =>
    raw({ url: gateway.url, key, body: markedChat(model, { stream: true }) })
  await Promise.all([...keys, key].map((key) => ask(FLOOD, key)))
  return warmBaseOf(gateway, () => ask('usage-none', key))
}

type Pair = Readonly<{
  gateway: GatewayProcess
  upstream: FaultProvider
  /** Of three who ask at the same time. */
  keys: readonly string[]
  model: string
  other: OtherFault
}>

type Met = Readonly<{ next: GatewayProcess; heard: readonly RawAnswer[] }>

/** Some requests meet the provider's fault while the other one happens; answers the gateway that runs afterwards. */
async function runPair(pair: Pair): Promise<Met> {
  const { gateway, upstream, keys, model, other } = pair
  const { url } = gateway
  const calls = upstream.journal.length
  const asked = keys.map((key, at) =>
    raw({ url, key, body: markedChat(model, { stream: at > 0 }) }).then(
      (answer) => answer,
      () => undefined, // the gateway went away: by its will, and checked by its books
    ),
  )
  const left = other.startsWith('leaves') ? leaving(pair) : undefined
  await upstream.until((journal) => journal.length > calls)
  const next = await happen(pair)
  left?.destroy()
  const answers = (await Promise.all(asked)).filter((answer) => answer !== undefined)
  return { next, heard: other === 'is killed' ? [] : answers.filter(isWhole) }
}

/** An answer that the process did not live to end is told by its missing end. */
const isWhole = ({ body }: RawAnswer): boolean => body !== ''

function leaving({ gateway, keys: [key], model, other }: Pair): http.ClientRequest {
  const request = http.request(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    agent: false,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  })
  request.on('error', () => undefined)
  request.on('response', (response) => {
    response.on('error', () => undefined).resume()
    if (other === 'leaves') request.destroy()
  })
  request.end(markedChat(model, { stream: true }))
  return request
}

async function happen({ gateway, other }: Pair): Promise<GatewayProcess> {
  switch (other) {
    case 'is killed':
      await gateway.stop('SIGKILL')
      return gateway.restart()
    case 'stops':
      await gateway.stop('SIGTERM')
      return gateway.restart()
    case 'reloads': {
      const file = path.join(gateway.dir, 'gateway.yaml')
      fs.appendFileSync(file, '# again\n')
      gateway.process.kill('SIGHUP')
      return gateway
    }
    case 'leaves':
    case 'leaves early':
    case 'nothing':
      return gateway
  }
}
