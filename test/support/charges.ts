// What the callers and the provider know of, held against the books (N6 to N10 of the reliability rules).
import assert from 'node:assert/strict'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import type { JournalEntry } from '../fault-provider/fault-provider.ts'
import { costOf } from './house.ts'
import type { JournalRecord } from './journal.ts'
import { payloads, markIn, type RawAnswer } from './raw.ts'

type Usage = Readonly<{ prompt: number; completion: number }>

const MICRO = 1_000_000
const ATTEMPTS_MAX = 3

export type Said = Readonly<{
  records: readonly JournalRecord[]
  /** All that providers know of; none where others ask them, too. */
  calls: readonly JournalEntry[]
  heard: readonly RawAnswer[]
}>

/** Who got an answer paid what it was said to cost, to the unit; who got none paid nothing; and nothing was asked unseen. */
export function checkCharges({ records, calls, heard }: Said): void {
  const settles = settlesIn(records)
  for (const settle of settles.values()) checkCost(settle, records)
  for (const answer of heard) {
    const settle = settles.get(String(answer.headers['x-request-id']))
    checkCharge(answer, settle)
    if (settle !== undefined && calls.length > 0) checkUsage(answer, settle, calls)
  }
  checkCalls(records, calls)
}

function settlesIn(records: readonly JournalRecord[]): Map<string | undefined, JournalRecord> {
  const settles = new Map<string | undefined, JournalRecord>()
  const holds = new Set(records.filter(({ kind }) => kind === 'hold').map(({ ref }) => ref))
  for (const record of records) {
    if (record.kind !== 'settle') continue
    assert.ok(!settles.has(record.ref), `${record.ref} is settled twice`)
    assert.ok(holds.has(record.ref), `${record.ref} was never held`)
    settles.set(record.ref, record)
  }
  return settles
}

const NOT_CHARGED: ReadonlySet<unknown> = new Set(['failed', 'cut', 'empty'])

/** Usage times price, or the last note of it where the gateway died; and of that what the outcome says. */
function checkCost(settle: JournalRecord, records: readonly JournalRecord[]): void {
  const { ref, outcome } = settle
  const [cost, amount] = [settle['cost'], settle['amount']].map(Number)
  const { input = 0, output = 0 } = (settle['usage'] ?? {}) as { input?: number; output?: number }
  const note = records.findLast((one) => one.kind === 'progress' && one.ref === ref)
  const expected =
    outcome === 'killed'
      ? Number(note?.['cost'])
      : costOf({ prompt: input, completion: output }) * MICRO
  assert.equal(cost, expected, `${ref} costs something else than its usage`)
  assert.equal(
    amount,
    NOT_CHARGED.has(outcome) ? 0 : cost,
    `${ref} (${String(outcome)}) is charged`,
  )
}

function checkCharge({ status, headers }: RawAnswer, settle: JournalRecord | undefined): void {
  if (status === 200 && headers['x-tollgate-attempts'] !== undefined)
    assert.ok(settle !== undefined, 'an answer that is not in the books')
  const cost = headers['x-tollgate-cost']
  if (cost !== undefined) assert.equal(Number(settle?.['amount'] ?? 0), Number(cost) * MICRO)
  if (status >= 400) assert.equal(settle?.['amount'] ?? '0', '0', 'a failure was charged')
}

/** What the provider's own journal says that it reported; else what can be counted of what the caller got. */
function checkUsage(
  answer: RawAnswer,
  settle: JournalRecord,
  calls: readonly JournalEntry[],
): void {
  const { mark } = answer
  if (mark === undefined) return
  const own = calls.filter(({ body }) => markIn(JSON.stringify(body)) === mark)
  const attempts = settle['attempts'] as unknown[]
  const most = Math.min(ATTEMPTS_MAX, attempts.length)
  assert.ok(own.length <= most, `${own.length} calls for ${attempts.length} attempts`)
  const last = own.at(-1)
  const outcome = settle['outcome']
  if (last === undefined || (outcome !== 'finished' && outcome !== 'cut')) return
  const usage = settle['estimated'] === true ? countedOf(answer, last) : last.usage
  const { input = 0, output = 0 } = settle['usage'] as { input?: number; output?: number }
  assert.deepEqual({ prompt: input, completion: output }, usage, `${settle.ref}: its usage`)
}

function countedOf({ body }: RawAnswer, call: JournalEntry): Usage {
  const [message] = call.body['messages'] as { content: string }[]
  return { prompt: countTokens(message?.content ?? ''), completion: countTokens(textIn(body)) }
}

/** What a caller reads of an answer, streamed or not. */
export function textIn(body: string): string {
  const whole = body.startsWith('{') ? [body] : payloads(body)
  const contents = whole.flatMap((one) => /"content":("(?:[^"\\]|\\.)*")/.exec(one)?.[1] ?? [])
  return contents.map((content) => JSON.parse(content) as string).join('')
}

/** A run that was killed took the attempts of what it had in hand with it: only so many there may have been. */
function checkCalls(records: readonly JournalRecord[], calls: readonly JournalEntry[]): void {
  const wasKilled = records.some((one) => one['outcome'] === 'killed')
  const holds = records.filter(({ kind }) => kind === 'hold').length
  const attempts = records.flatMap((record) => (record['attempts'] as unknown[] | undefined) ?? [])
  const most = wasKilled ? ATTEMPTS_MAX * holds : attempts.length
  assert.ok(calls.length <= most, `${calls.length} calls upstream, ${most} in the books`)
}
