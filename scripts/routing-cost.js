// What it costs a request to be routed: its place among those in flight, the choice of a deployment, breaker, key, limits
// and budgets, and what came of it; compared with nothing but the promise that a direct call would be. `--help` says more.
import { parseArgs } from 'node:util'
import { ensureBuilt } from './build.js'

const HELP = `npm run bench:routing (node scripts/routing-cost.js)

Measures the CPU time that routing adds to a request, in this process, with nobody called: entering and leaving, choosing by
each strategy among four deployments with two keys each, taking a turn, and telling the breaker, the key and the limit that
an answer came. Wants less than 5 microseconds a request, by the median of the rounds.

  --requests N    in a round (100000)
  --rounds N      of each, taken in turn (5)
  --json          {"rows": [{"strategy", "affinity", "deployments", "micros"}], "ok"}
  --help          this text

Ends with 1 when more is taken than wanted.
`

const WANTED_MICROS = 5
const CASES = [
  { strategy: 'priority', affinity: false, count: 1 },
  ...['priority', 'weighted', 'round-robin', 'least-busy', 'fastest', 'cheapest'].map(
    (strategy) => ({ strategy, affinity: false, count: 8 }),
  ),
  { strategy: 'priority', affinity: true, count: 8 },
]

const { values } = parseArgs({
  strict: true,
  options: {
    requests: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) process.stdout.write(HELP)
else await main()

async function main() {
  ensureBuilt()
  const [requests, rounds] = [whole('--requests'), whole('--rounds')]
  const subjects = await Promise.all(CASES.map(subject))
  const rows = CASES.map(() => [])
  for (let round = 0; round <= rounds; round++) {
    for (const [at, { routed, direct }] of subjects.entries()) {
      const micros = (await cpuOf(routed, requests)) - (await cpuOf(direct, requests))
      if (round > 0) rows[at].push(micros) // the first is for the compiler
    }
  }
  const shown = CASES.map(({ strategy, affinity, count }, at) => ({
    ...{ strategy, affinity, deployments: count },
    micros: Math.round(rows[at].toSorted((a, b) => a - b)[Math.floor(rounds / 2)] * 100) / 100,
  }))
  const ok = shown.every(({ micros }) => micros < WANTED_MICROS)
  if (values.json) process.stdout.write(`${JSON.stringify({ rows: shown, ok })}\n`)
  else {
    console.table(shown)
    process.stdout.write(ok ? 'All below 5 microseconds.\n' : 'More than 5 microseconds.\n')
  }
  if (!ok) process.exitCode = 1
}

function whole(flag) {
  const value = Number(values[flag.slice(2)])
  if (Number.isSafeInteger(value) && value > 0) return value
  process.stderr.write(`${flag} takes a whole number from 1 on. See --help.\n`)
  process.exit(1)
}

/** CPU microseconds of one, all that the process used. */
async function cpuOf(one, requests) {
  const before = process.cpuUsage()
  for (let count = 0; count < requests; count++) await one()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / requests
}

async function subject({ strategy, affinity, count }) {
  const { choose } = await import('../dist/gateway/choose.js')
  const { Turns } = await import('../dist/gateway/turns.js')
  const { Room } = await import('../dist/gateway/room.js')
  const { house, admitted } = await houseWith({ strategy, affinity, count })
  const room = new Room(Math.random)
  const reply = { isGone: false, onGone: () => undefined }
  const limits = {
    ...{ inFlightMax: 5_000, keyInFlightMax: 100, accountInFlightMax: 200 },
    above: undefined,
  }
  const answered = { fault: undefined, firstByteMs: 200, isStream: true }
  return {
    async routed() {
      room.enter(admitted.key, limits)
      const candidates = choose(house, admitted)
      const { ticket } = await new Turns(house, { admitted, reply, candidates }).first()
      ticket.ended(answered)
      room.leave(admitted.key, limits)
    },
    async direct() {
      await undefined
    },
  }
}

/** A house with nothing in it but what routing asks. */
async function houseWith({ strategy, affinity, count }) {
  const { Routes } = await import('../dist/domain/routes.js')
  const { parseChatRequest } = await import('../dist/domain/chat-request.js')
  const { Traffic } = await import('../dist/gateway/traffic.js')
  const { systemClock: clock } = await import('../dist/wiring/clock.js')
  const model = await modelWith({ strategy, affinity, count })
  const routes = new Routes([model], new Map())
  const resilience = {
    breaker: { failuresMax: 5, openMs: 30_000 },
    ...{ keyOffMs: 600_000, retryShare: 0.1 },
  }
  const silent = { notice: () => undefined, warning: () => undefined, problem: () => undefined }
  const traffic = new Traffic({
    ...{ clock, events: silent, chance: Math.random, settings: () => resilience },
    ...{ deployments: () => routes.deployments(), switchedOff: [] },
  })
  const settings = { attemptsMax: 3, resilience }
  const catalog = { settings: () => settings, tier: () => ({ weight: 1 }) }
  const messages = [
    { role: 'system', content: 'You are a patient assistant. '.repeat(40) },
    { role: 'user', content: 'What did I ask you before? '.repeat(20) },
  ]
  const request = parseChatRequest({ model: 'm', messages, stream: true })
  const size = { ascii: 2_000, other: 0 }
  const plan = { amount: 1n, cap: 1_000, inputCost: 1n }
  const key = { id: 'key_1', account: 'ann' }
  const route = routes.find('m')
  return {
    house: { traffic, catalog, clock, chance: Math.random },
    admitted: { request, size, route, plan, key, requestId: 'req_1' },
  }
}

async function modelWith({ strategy, affinity, count }) {
  const { priceFrom } = await import('../dist/domain/price.js')
  const terms = { creditsPerUsd: '1000', markup: '0' }
  const price = priceFrom({ input: '2', output: '8' }, terms, 'v')
  const deployments = Array.from({ length: count }, (_, at) => ({
    ...{ id: `p${at >> 1}/m#${at % 2}`, provider: `p${at >> 1}`, keyIndex: at % 2 },
    ...{ upstreamModel: 'm', priority: 0, weight: 1 + at, price, concurrencyMax: Infinity },
    timeouts: { connectMs: 5_000, firstByteMs: 60_000, idleMs: 60_000, totalMs: 600_000 },
    ...{ repair: false, capField: 'max_tokens', stripFields: [] },
  }))
  return {
    ...{ id: 'm', ownedBy: 'o', price, maxOutput: 4_096, defaultMaxOutput: 4_096 },
    ...{ imageTokensMax: 0, contextTokens: undefined, serviceTiers: {}, limits: {} },
    ...{ strategy, affinity, deployments, fallbacks: [] },
  }
}
