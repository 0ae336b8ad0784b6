import http from 'node:http'
import { parseArgs } from 'node:util'
import { progressOf } from '../ledger/progress.ts'
import { wholeNumber } from '../ledger/whole-number.ts'
import { makeBadKeys } from '../support/bad-keys.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { openHouse } from '../support/house.ts'
import { chat, raw } from '../support/raw.ts'
import { differenceOf, medianOf } from './statistics.ts'

const HELP = `npm run test:timing -- [options]

Asks a gateway on this machine with credentials that are good for nothing, one after the other over one connection, in an
order that changes, and compares how long the refusals take: keys that are unknown, revoked, expired or garbled, on a
request that costs and on one of the admin API; and passwords of names that are known and unknown.

  --samples N    of each kind of key, on each route (20000)
  --logins N     of each kind of name (200)
  --json         {"rows": [{"asked", "kind", "median", "difference", "low", "high"}], "ok"}, in microseconds
  --help         this text

The difference is that of the medians to the first kind's, over rounds of 500 samples, and between which it is in nineteen of
twenty cases. Ends with 1 when one is above 50 microseconds and above a twentieth of the median, with that certainty.
`

const ROUND = 500
const DIFFERENCE_MAX_MICROS = 50
const SHARE_MAX = 0.05
/** A password is checked with tens of milliseconds of work. */
const LOGIN_ROUND = 10

const { values } = parseArgs({
  strict: true,
  options: {
    samples: { type: 'string', default: '20000' },
    logins: { type: 'string', default: '200' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

let addresses = 0

if (values.help) process.stdout.write(HELP)
else await main()

type Row = Readonly<{
  asked: string
  kind: string
  median: number
  difference: number
  low: number
  high: number
}>
type Trial = Readonly<{ asked: string; samples: number; round: number; kinds: Kinds }>
/** What is sent for each kind, made anew for each sample. */
type Kinds = Readonly<Record<string, () => Sent>>
type Sent = Readonly<{ path: string; headers: Record<string, string>; body?: string }>

async function main(): Promise<void> {
  const samples = wholeNumber('--samples', values.samples)
  const logins = wholeNumber('--logins', values.logins)
  const house = await openHouse({ words: ['answer'] }, 'trusted_proxies: 127.0.0.1')
  try {
    const rows: Row[] = []
    for (const trial of await trialsOf(house.gateway, samples, logins))
      rows.push(...(await run(house.gateway, trial)))
    const ok = rows.every(isEven)
    process.stdout.write(values.json ? `${JSON.stringify({ rows, ok })}\n` : tableOf(rows))
    process.exitCode = ok ? 0 : 1
  } finally {
    await house.close()
  }
}

async function trialsOf(
  gateway: GatewayProcess,
  samples: number,
  logins: number,
): Promise<Trial[]> {
  const { unknown, revoked, expired, garbled, checksum } = await makeBadKeys(gateway)
  const body = JSON.stringify({
    role: 'user',
    account: 'left',
    password: 'correct-horse-7-battery',
  })
  await raw({
    url: gateway.url,
    key: gateway.adminKey,
    method: 'PUT',
    path: '/admin/users/anna',
    body,
  })
  const keys = Object.entries({ unknown, revoked, expired, garbled, checksum })
  const by = (sent: (key: string) => Sent): Kinds =>
    Object.fromEntries(keys.map(([kind, key]) => [kind, () => sent(key)]))
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
  return [
    {
      asked: 'chat',
      samples,
      round: ROUND,
      kinds: by((key) => ({
        path: '/v1/chat/completions',
        headers: bearer(key),
        body: chat('words'),
      })),
    },
    {
      asked: 'admin',
      samples,
      round: ROUND,
      kinds: by((key) => ({ path: '/admin/accounts', headers: bearer(key) })),
    },
    {
      asked: 'login',
      samples: logins,
      round: LOGIN_ROUND,
      kinds: { known: () => signIn('anna'), unknown: () => signIn('nobody') },
    },
  ]
}

/** Each from an address of its own: the guard over passwords is not what is measured. */
function signIn(username: string): Sent {
  const at = addresses++
  const address = `10.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}`
  const body = JSON.stringify({ username, password: 'wrong-horse-7-battery' })
  return { path: '/auth/login', headers: { 'x-forwarded-for': address }, body }
}

async function run(
  gateway: GatewayProcess,
  { asked, samples, round, kinds }: Trial,
): Promise<Row[]> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const names = Object.keys(kinds)
  const medians = new Map(names.map((name) => [name, [] as number[]]))
  const tell = progressOf(asked, samples)
  for (let done = 0; done < samples; done += round) {
    const times = new Map(names.map((name) => [name, [] as number[]]))
    for (let at = 0; at < round; at++)
      for (let turn = 0; turn < names.length; turn++) {
        const name = names[(turn + at) % names.length] ?? ''
        times.get(name)?.push(await timed(gateway, agent, kinds[name]?.()))
      }
    // The first round warms up.
    if (done > 0) for (const [name, all] of times) medians.get(name)?.push(medianOf(all))
    tell(Math.min(done + round, samples))
  }
  agent.destroy()
  const [first = ''] = names
  return names.map((kind) => {
    const [mine, others] = [medians.get(kind) ?? [], medians.get(first) ?? []]
    const { mean, low, high } = differenceOf(mine, others)
    return { asked, kind, median: medianOf(mine), difference: mean, low, high }
  })
}

function timed(
  { url }: GatewayProcess,
  agent: http.Agent,
  sent: Sent | undefined,
): Promise<number> {
  const { path = '/', headers, body } = sent ?? {}
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    const method = body === undefined ? 'GET' : 'POST'
    const type = { 'content-type': 'application/json' }
    const request = http.request(
      `${url}${path}`,
      { agent, method, headers: { ...type, ...headers } },
      (response) => {
        if (response.statusCode !== 401)
          reject(new Error(`${path} answered ${response.statusCode}`))
        response.on('end', () => {
          resolve((performance.now() - begun) * 1_000)
        })
        response.resume()
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

/** Uneven is what is surely more than both. */
function isEven({ median, low, high }: Row): boolean {
  const surely = low > 0 ? low : Math.max(-high, 0)
  return surely <= DIFFERENCE_MAX_MICROS || surely <= median * SHARE_MAX
}

function tableOf(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const { asked, kind, median, difference, low, high } = row
    const [by, from, to] = [difference, low, high].map((one) => one.toFixed(1))
    const verdict = isEven(row) ? '' : '  uneven'
    return `${asked.padEnd(6)} ${kind.padEnd(9)} ${median.toFixed(1).padStart(9)} µs  ${by} (${from} … ${to})${verdict}`
  })
  return `${lines.join('\n')}\n`
}
