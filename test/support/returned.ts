// What a process comes back to once nobody asks it anything (N13 to N15 of the reliability rules).
import assert from 'node:assert/strict'
import fs from 'node:fs'
import http from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { GatewayProcess } from './gateway-process.ts'
import { scrape } from './metrics.ts'
import { collected } from './planted.ts'

/** What the process has before anything happens to it. */
export type Base = Readonly<{
  files: number
  timers: number
  aliveBytes: number
  memoryBytes: number
}>

/** Of a gateway in which anything is planted: garbage that the engine has not got round to, and its own reserve, are left out. */
export async function baseOf(gateway: GatewayProcess): Promise<Base> {
  http.globalAgent.destroy()
  const { timers, aliveBytes, spareBytes, inherited } = await collected(gateway)
  assert.equal(inherited, '', 'a prototype was written to')
  const { pid } = gateway.process
  return {
    timers,
    aliveBytes,
    files: fs.readdirSync(`/proc/${pid}/fd`).length,
    memoryBytes:
      1_024 * Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) -
      spareBytes,
  }
}

/** A heap grows to what it needs in the first requests, and a thread to count tokens is started by those without usage. */
const [WARM, AT_ONCE] = [100, 10]

/** The same once it has answered some: `ask` is for something whose usage the provider does not report. */
export async function warmBaseOf(
  gateway: GatewayProcess,
  ask: () => Promise<unknown>,
): Promise<Base> {
  for (let count = 0; count < WARM; count += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, ask))
  return baseOf(gateway)
}

const SPARE = 5
const MEMORY_FACTOR = 1.2
/** Code that has become worth compiling, and what is kept of providers and accounts that are seen for the first time. */
const ALIVE_BYTES_MORE = 6_000_000
const LOOP_SECONDS_MAX = 0.1
const PATIENCE_MS = 30_000

/** Sockets, timers and memory come back to what they were, and the event loop is as quick as it is when nothing happens. */
export async function checkReturned(gateway: GatewayProcess, base: Base): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    await loopDelaySeconds(gateway) // each scrape is about what was since the one before
    await pause(500)
    const loopSeconds = await loopDelaySeconds(gateway)
    const now = await baseOf(gateway)
    const isBack =
      now.files <= base.files + SPARE &&
      now.timers <= base.timers + SPARE &&
      now.aliveBytes <= base.aliveBytes + ALIVE_BYTES_MORE &&
      now.memoryBytes <= MEMORY_FACTOR * base.memoryBytes &&
      loopSeconds <= LOOP_SECONDS_MAX
    if (isBack) return
    const became = JSON.stringify({ ...now, loopSeconds })
    assert.ok(performance.now() < deadline, `${JSON.stringify(base)} became ${became}`)
  }
}

const loopDelaySeconds = async ({ url, adminKey }: GatewayProcess): Promise<number> =>
  (await scrape(url, adminKey)).sum('nodejs_eventloop_lag_p99_seconds')
