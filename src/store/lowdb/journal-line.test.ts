import fc from 'fast-check'
import { expect, test } from 'vitest'
import { micro } from '../../domain/money.ts'
import type { Entry } from '../../domain/entry.ts'
import { chargeOf, holdOf } from '../contract.ts'
import { holdFrom } from '../open-hold.ts'
import { chargeEntry, holdEntry } from './entries.ts'
import { readLine } from './journal-line.ts'
import { GENESIS, RecordWriter } from './record.ts'

/** Names that stand in JSON as they are, and others. */
const NAME = fc.oneof(
  fc.stringMatching(/^[a-z]{1,8}[/:.-][A-Za-z0-9]{1,8}$/),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('', 'a"b', 'back\\slash', 'Größe', '模型', '\ud800', '","seq":1', 'tab\t'),
)
const AMOUNT = fc.bigInt({ min: 0n, max: 9_000_000_000_000_000_000n }).map(micro)
const CREDIT = fc.record({ balance: AMOUNT, held: AMOUNT })
const TOKENS = fc.oneof(fc.constant(0), fc.nat(100_000))
const MS = fc.oneof(
  fc.nat(1_000_000).map((hundredths) => hundredths / 100),
  fc.constantFrom(1e-7, 1e21, 0.1 + 0.2),
)

const HOLD = fc
  .record({ id: NAME, account: NAME, key: NAME, model: NAME, amount: AMOUNT, inputCost: AMOUNT })
  .chain((request) =>
    fc
      .tuple(CREDIT, fc.nat())
      .map(([credit, at]) => holdEntry({ ...holdOf('', 1n), ...request }, credit, at)),
  )

const ATTEMPT = fc.record(
  { deployment: NAME, ms: MS, fault: NAME, status: fc.nat(), cost: AMOUNT.map(String) },
  { requiredKeys: ['deployment', 'ms'] },
)
const ATTEMPTS = fc.array(ATTEMPT, { maxLength: 3 })
const CHARGE = fc.record({
  ...{
    model: NAME,
    deployment: fc.option(NAME, { nil: undefined }),
    cost: AMOUNT,
    attempts: ATTEMPTS,
  },
  usage: fc.record({
    ...{ input: TOKENS, cachedInput: TOKENS, cacheWrite: TOKENS, image: TOKENS },
    ...{ output: TOKENS, audioInput: TOKENS, audioOutput: TOKENS },
  }),
  ...{ isEstimated: fc.boolean(), isStream: fc.boolean(), startedAt: fc.nat() },
  ...{ firstByteMs: fc.option(MS, { nil: undefined }), totalMs: MS },
})
const SETTLE = fc.tuple(HOLD, CHARGE, CREDIT, fc.nat()).map(([hold, charge, credit, at]): Entry => {
  const { amount, balance, held } = hold
  const settled = { ...chargeOf('', 1n), ...charge }
  const entry = { charge: settled, hold: holdFrom(hold), price: hold.price, at }
  return chargeEntry({
    ...entry,
    amount,
    balance: credit.balance.toString(),
    held: held || balance,
  })
})

const RELEASE = fc.tuple(HOLD, ATTEMPTS).map(([hold, attempts]): Entry => {
  const { at, account, ref, amount, balance, held } = hold
  return { kind: 'release', at, account, ref, amount, balance, held, outcome: 'failed', attempts }
})
const PROGRESS = fc.tuple(HOLD, AMOUNT).map(([{ at, account, ref }, cost]): Entry => {
  return { kind: 'progress', at, account, ref, cost: cost.toString() }
})

/** Lines as they are written, alone and as a batch. */
const LINES = fc
  .array(fc.oneof(HOLD, SETTLE, RELEASE, PROGRESS), { minLength: 1, maxLength: 3 })
  .map((batch) => new RecordWriter(GENESIS).batch(batch).toString().trimEnd().split('\n'))

/** What `JSON.parse` makes of a line, but for how an answer came about; undefined where it is no JSON. */
function parsed(text: string): unknown {
  try {
    return comparable(JSON.parse(text) as Record<string, unknown>)
  } catch {
    return undefined
  }
}

function read(text: string): unknown {
  try {
    const { seq, batch, chain, entry } = readLine(Buffer.from(text))
    return comparable({ seq, batch, chain, ...entry })
  } catch {
    return undefined
  }
}

/** Of a hold the price belongs to the books. */
const TOLD = ['stream', 'attempts', 'startedAt', 'firstByteMs', 'totalMs', 'crc']

function comparable(line: Record<string, unknown>): unknown {
  const told = line['kind'] === 'hold' ? TOLD : [...TOLD, 'price']
  const booked = Object.entries(line).filter(([name]) => !told.includes(name))
  return JSON.parse(JSON.stringify(Object.fromEntries(booked)))
}

test('a line says what JSON makes of it, whatever is in it', () => {
  fc.assert(
    fc.property(LINES, (lines) => {
      for (const line of lines) expect(read(line)).toEqual(parsed(line))
    }),
  )
})

test('a line with any character changed, left out or put in is read as JSON reads it, or refused where JSON refuses it', () => {
  const CHARACTER = fc.constantFrom(...'{}[]":,.0123456789-+eE\\ \u007fxü'.split(''), '')
  fc.assert(
    fc.property(LINES, fc.nat(), CHARACTER, fc.boolean(), (lines, pick, character, isPutIn) => {
      const line = Array.from(lines[0] ?? '')
      const at = pick % line.length
      const changed = line.toSpliced(at, isPutIn ? 0 : 1, character).join('')
      expect(read(changed)).toEqual(parsed(changed))
    }),
    { numRuns: 2_000 },
  )
})

test('of a usual charge nothing is made but what the books need', () => {
  const hold = holdOf('req_1', 10n)
  const credit = { balance: micro(10n), held: micro(10n) }
  const held = holdFrom(holdEntry(hold, credit, 1))
  const moved = { amount: '7', balance: '3', held: '0' }
  const settle = chargeEntry({
    charge: chargeOf('req_1', 7n),
    hold: held,
    price: 'p',
    at: 2,
    ...moved,
  })
  const line = new RecordWriter(GENESIS).batch([settle]).subarray(0, -1)
  expect(readLine(line).entry).not.toHaveProperty('attempts')
  expect(readLine(line).entry).toMatchObject({ ref: 'req_1', ...moved })
})

test('a line is, to the byte, what JSON writes of its entry', () => {
  const ENTRIES = fc.array(fc.oneof(HOLD, SETTLE, RELEASE, PROGRESS), {
    minLength: 1,
    maxLength: 9,
  })
  fc.assert(
    fc.property(ENTRIES, (entries) => {
      const lines = new RecordWriter(GENESIS).batch(entries).toString().trimEnd().split('\n')
      for (const [index, entry] of entries.entries()) {
        const expected = `{"seq":${index + 1},${JSON.stringify(entry).slice(1, -1)},"`
        expect(lines[index]?.slice(0, expected.length)).toBe(expected)
        expect(lines[index]?.slice(expected.length)).toMatch(/^(?:batch|chain|crc)":/)
      }
    }),
    { numRuns: 500 },
  )
})
