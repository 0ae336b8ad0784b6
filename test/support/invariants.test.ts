import { expect, test } from 'vitest'
import type { JournalEntry } from '../fault-provider/fault-provider.ts'
import { checkCharges, type Said } from './charges.ts'
import type { JournalRecord } from './journal.ts'
import { checkRetries } from './retries.ts'

/** A request that a failing deployment and then another failing one were asked for. */
const failed = (at: number): JournalRecord => ({
  ...{ seq: at, kind: 'settle', ref: `r${at}`, outcome: 'failed', totalMs: 20 },
  startedAt: 1_000 + at * 100,
  attempts: [
    { deployment: 'a/x', fault: 'server', ms: 10 },
    { deployment: 'b/y', fault: 'server', ms: 10 },
  ],
})
const requests = (count: number): readonly JournalRecord[] =>
  Array.from({ length: count }, (_, at) => failed(at))

test('retries beyond their budget are noticed, and those within it are not', () => {
  checkRetries(requests(3))
  expect(() => {
    checkRetries(requests(4))
  }).toThrow('beyond the budget')
})

const SETTLE = {
  ...{ seq: 2, kind: 'settle', ref: 'req_1', outcome: 'finished', attempts: [{}] },
  ...{ cost: '38000000', amount: '38000000', usage: { input: 3, output: 4 } },
}

/** One answer, as its caller, its provider and the books know it. */
const said = (settle: object = {}, prompt = 3): Said => ({
  records: [
    { seq: 1, kind: 'hold', ref: 'req_1' },
    { ...SETTLE, ...settle },
  ],
  calls: [
    { body: { messages: [{ content: 'mark_1' }] }, usage: { prompt, completion: 4 } },
  ] as unknown as readonly JournalEntry[],
  heard: [{ status: 200, headers: { 'x-request-id': 'req_1' }, body: '{}', mark: 'mark_1' }],
})

test('a charge that is not what the provider reported times the price is noticed', () => {
  checkCharges(said())
  const wrong: readonly [Said, string][] = [
    [said({}, 4), 'its usage'],
    [said({ cost: '38000001', amount: '38000001' }), 'something else than its usage'],
    [said({ amount: '38000001' }), 'is charged'],
    [said({ attempts: [] }), '1 calls for 0 attempts'],
    [said({ ref: 'req_2' }), 'was never held'],
  ]
  for (const [one, reason] of wrong) {
    expect(() => {
      checkCharges(one)
    }).toThrow(reason)
  }
})
