import assert from 'node:assert/strict'
import fs from 'node:fs'
import http from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { textOf } from '../fault-provider/answer.ts'
import type { FaultProvider } from '../fault-provider/fault-provider.ts'
import type { GatewayProcess } from './gateway-process.ts'
import { costOf } from './house.ts'
import { openHoldsIn, readJournal, type JournalRecord } from './journal.ts'
import { payloads, type RawAnswer } from './raw.ts'
import { checkBooks } from './true-books.ts'

export type Bed = Readonly<{
  gateway: GatewayProcess
  upstreams: readonly FaultProvider[]
  /** What must be in no answer and in no line of the log. */
  secrets: readonly string[]
}>

/** What the process has before anything happens to it. */
export type Base = Readonly<{ files: number; memoryBytes: number }>

export const baseOf = ({ process: { pid } }: GatewayProcess): Base => ({
  files: fs.readdirSync(`/proc/${pid}/fd`).length,
  memoryBytes:
    1_024 * Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]),
})

/**
 * What holds after every fault, whatever it was (N1 to N24 of the reliability rules): each answer is whole and in its
 * form, the books are clean and say what the callers were told, and no secret is anywhere.
 */
export async function checkInvariants(bed: Bed, heard: readonly RawAnswer[]): Promise<void> {
  const { gateway, upstreams, secrets } = bed
  for (const answer of heard) checkAnswer(answer)
  const records = await whenNothingIsHeld(gateway.dir)
  checkBooks(gateway)
  checkCharges(records, heard)
  const attempts = records.flatMap((record) => (record['attempts'] as unknown[] | undefined) ?? [])
  const calls = upstreams.reduce((sum, { journal }) => sum + journal.length, 0)
  assert.ok(calls <= attempts.length, `${calls} calls upstream, ${attempts.length} in the books`)
  const said = [gateway.output(), ...heard.map((one) => JSON.stringify(one))]
  for (const secret of secrets) {
    assert.ok(!said.some((text) => text.includes(secret)), 'a secret was told')
  }
}

/** Sockets and memory come back to what they were, once all connections are idle no more. */
export async function checkReturned(gateway: GatewayProcess, base: Base): Promise<void> {
  http.globalAgent.destroy()
  let now = baseOf(gateway)
  const isBack = () =>
    now.files <= base.files + 5 && now.memoryBytes <= 1.2 * base.memoryBytes + MEMORY_SLACK_BYTES
  for (let tries = 0; !isBack() && tries < 300; tries++) {
    await pause(100)
    now = baseOf(gateway)
  }
  assert.ok(isBack(), `${JSON.stringify(base)} became ${JSON.stringify(now)}`)
}

/** The engine keeps some of what it had once, whoever used it. */
const MEMORY_SLACK_BYTES = 128 * 1024 * 1024

const RETRIED_LATER = new Set([429, 503])
const RETRIED = new Set([408, 429, 500, 502, 503, 504])

function checkAnswer({ status, headers, body }: RawAnswer): void {
  assert.match(String(headers['x-request-id']), /^req_\w+$/, 'an answer without our request id')
  if (status >= 400) {
    checkRefusal(status, headers, body)
    return
  }
  if (!String(headers['content-type']).startsWith('text/event-stream')) return
  const events = payloads(body)
  const last = events.at(-1) ?? ''
  const isEnd = (event: string) => event === '[DONE]' || event.startsWith('{"error":')
  assert.ok(isEnd(last), `a stream ends with ${last.slice(0, 100)}`)
  assert.equal(events.filter(isEnd).length, 1, 'a stream has more than one end')
  const text = events.flatMap((event) => /"content":"([^"]*)"/.exec(event)?.[1] ?? []).join('')
  assert.ok(textOf(2_000).startsWith(text), `not what the provider sent: ${text.slice(0, 100)}`)
}

function checkRefusal(status: number, headers: RawAnswer['headers'], body: string): void {
  const { error } = JSON.parse(body) as { error: Record<string, unknown> }
  assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'param', 'type'])
  assert.equal(headers['x-should-retry'], String(RETRIED.has(status)), `of ${status}: ${body}`)
  if (RETRIED_LATER.has(status)) assert.ok(Number(headers['retry-after']) >= 1, body)
}

/** Each hold ends within seconds, however its request ended. */
async function whenNothingIsHeld(dir: string): Promise<readonly JournalRecord[]> {
  for (let tries = 0; ; tries++) {
    const records = readJournal(dir)
    const open = openHoldsIn(records)
    if (open.size === 0) return records
    assert.ok(tries < 300, `still held: ${[...open].join(', ')}`)
    await pause(50)
  }
}

const MICRO = 1_000_000

/** Who got an answer paid what it was said to cost; who got none paid nothing. */
function checkCharges(records: readonly JournalRecord[], heard: readonly RawAnswer[]): void {
  const settles = new Map<string | undefined, JournalRecord>()
  for (const record of records) {
    if (record.kind !== 'settle') continue
    assert.ok(!settles.has(record.ref), `${record.ref} is settled twice`)
    settles.set(record.ref, record)
    const { input = 0, output = 0 } = (record['usage'] ?? {}) as { input?: number; output?: number }
    if (record['outcome'] !== 'finished') continue
    const cost = costOf({ prompt: input, completion: output }) * MICRO
    assert.equal(Number(record['cost']), cost, `${record.ref} costs something else than its usage`)
  }
  for (const { status, headers } of heard) {
    const settle = settles.get(String(headers['x-request-id']))
    if (status === 200 && headers['x-tollgate-attempts'] !== undefined)
      assert.ok(settle !== undefined, 'an answer that is not in the books')
    const cost = headers['x-tollgate-cost']
    if (cost !== undefined) assert.equal(Number(settle?.['amount']), Number(cost) * MICRO)
    if (status >= 400) assert.equal(settle?.['amount'] ?? '0', '0', 'a failure was charged')
  }
}
