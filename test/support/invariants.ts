import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { textOf } from '../fault-provider/answer.ts'
import type { FaultProvider } from '../fault-provider/fault-provider.ts'
import { checkCharges, textIn } from './charges.ts'
import type { GatewayProcess } from './gateway-process.ts'
import { openHoldsIn, readJournal, type JournalRecord } from './journal.ts'
import { payloads, type RawAnswer } from './raw.ts'
import { checkRetries } from './retries.ts'
import { checkReturned, type Base } from './returned.ts'
import { checkSecrets } from './secrets.ts'
import { checkBooks } from './true-books.ts'

export type Bed = Readonly<{
  gateway: GatewayProcess
  /** Those whose every call is to be in the books; none where others ask them, too. */
  upstreams: readonly FaultProvider[]
  /** What must be in no answer, and nowhere in what the gateway writes down. */
  secrets: readonly string[]
  /** What the process was like before it met any of the faults. */
  base: Base
}>

/**
 * What holds after every fault, whatever it was (N1 to N24 of the reliability rules): each answer is whole, in its form and
 * of nobody else's, the books are clean and say what the callers were told and the provider reported, retries kept to their
 * budget, no secret is anywhere, and the process is as it was.
 */
export async function checkInvariants(bed: Bed, heard: readonly RawAnswer[]): Promise<void> {
  const { gateway, upstreams, secrets, base } = bed
  for (const answer of heard) checkAnswer(answer)
  const records = await whenNothingIsHeld(gateway.dir)
  checkBooks(gateway)
  checkCharges({ records, calls: upstreams.flatMap(({ journal }) => journal), heard })
  checkRetries(records)
  await checkSecrets(gateway, secrets, heard)
  await checkReturned(gateway, base)
}

const RETRIED_LATER = new Set([429, 503])
const RETRIED = new Set([408, 429, 500, 502, 503, 504])

function checkAnswer({ status, headers, body, mark, kind }: RawAnswer): void {
  if (kind !== 'unparsed')
    assert.match(String(headers['x-request-id']), /^req_\w+$/, 'an answer without our request id')
  const marks = JSON.stringify([headers, body]).match(/mark_\d+/g) ?? []
  assert.deepEqual(
    [...new Set(marks)].filter((one) => one !== mark),
    [],
    "somebody else's answer",
  )
  if (status >= 400) {
    checkRefusal(status, headers, body)
    return
  }
  if (!String(headers['content-type']).startsWith('text/event-stream')) return
  if (kind !== 'left') checkEnd(payloads(body))
  const text = textIn(body)
  assert.ok(textOf(2_000).startsWith(text), `not what the provider sent: ${text.slice(0, 100)}`)
}

const isEnd = (event: string): boolean => event === '[DONE]' || event.startsWith('{"error":')

function checkEnd(events: readonly string[]): void {
  const last = events.at(-1) ?? ''
  assert.ok(isEnd(last), `a stream ends with ${last.slice(0, 100)}`)
  assert.equal(events.filter(isEnd).length, 1, 'a stream has more than one end')
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
