import http from 'node:http'
import { seeded, type Chance } from '../ledger/seeded.ts'
import { chat } from '../support/raw.ts'
import { mib, openBed } from './bed.ts'
import { many, type Part } from './part.ts'

const MODELS = {
  stream: ['answer?chunks=20&every=3'],
  slow: ['answer?delay=150'],
  words: ['answer?chunks=5'],
} as const
const AT_ONCE = 48
/** A heap grows to what it needs in the first thousands; what it is before that says nothing. */
const WARM = 2_500

/** Callers who leave: before they have said all, while they wait, in mid-answer, just before its end. */
export const aborts: Part = async ({ scale, seed, onStep }) => {
  const bed = await openBed(MODELS)
  const chance = seeded(seed)
  const target = { url: bed.house.gateway.url, key: bed.client.key }
  const leave = () => abort(target, chance)
  const warmUp = Math.ceil(scale.aborts / 2)
  await many({ count: warmUp, atOnce: AT_ONCE }, leave)
  const base = await bed.quiet()
  const isWarm = warmUp >= WARM
  await many({ count: scale.aborts, atOnce: AT_ONCE, onStep }, leave)
  const { rssBytes, sockets } = await bed.restored(isWarm ? base : { ...base, rssBytes: Infinity })
  await bed.close()
  return {
    aborts: warmUp + scale.aborts,
    ...{ socketsBefore: base.sockets, sockets, mibBefore: mib(base.rssBytes), mib: mib(rssBytes) },
  }
}

type Target = Readonly<{ url: string; key: string }>

/** One who leaves at a moment by chance; some of them hear their whole answer before. */
function abort({ url, key }: Target, chance: Chance): Promise<void> {
  const model = chance.pick(['stream', 'stream', 'slow', 'words'] as const)
  const body = chat(model, { stream: model === 'stream' })
  const said = chance.percent(10) ? body.slice(0, chance.below(body.length)) : body
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    authorization: `Bearer ${key}`,
  }
  const leaveAfterMs = chance.below(200)
  const leaveAfterBytes = chance.below(6_000)
  return new Promise((resolve) => {
    const asked = http.request(`${url}/v1/chat/completions`, {
      ...{ method: 'POST', headers, agent: false },
    })
    let bytes = 0
    const leave = setTimeout(() => asked.destroy(), leaveAfterMs)
    asked.on('response', (response) => {
      response.on('data', (piece: Buffer) => {
        bytes += piece.length
        if (bytes > leaveAfterBytes) asked.destroy()
      })
      response.on('error', () => undefined) // its own doing
    })
    asked.on('error', () => undefined)
    asked.on('close', () => {
      clearTimeout(leave)
      resolve()
    })
    asked.write(said)
    if (said === body) asked.end()
  })
}
