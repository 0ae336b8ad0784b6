import fc from 'fast-check'
import { expect, test } from 'vitest'
import { micro } from '../../domain/money.ts'
import type { Entry } from '../../domain/entry.ts'
import { chargeOf, holdOf } from '../contract.ts'
import { holdFrom } from '../open-hold.ts'
import { chargeEntry, holdEntry } from './entries.ts'
import { LineReader, type JournalLine } from './journal-line.ts'
import { GENESIS, RecordWriter } from './record.ts'

const PLAIN = fc.stringMatching(/^[a-z]{1,8}[/:.-][A-Za-z0-9]{1,8}$/)
/** Names that stand in JSON as they are, and others. */
const NAME = fc.oneof(
  PLAIN,
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

const holds = (name: fc.Arbitrary<string>) =>
  fc
    .record({ id: name, account: name, key: name, model: name, amount: AMOUNT, inputCost: AMOUNT })
    .chain((request) =>
      fc
        .tuple(CREDIT, fc.nat())
        .map(([credit, at]) => holdEntry({ ...holdOf('', 1n), ...request }, credit, at)),
    )

const attempts = (name: fc.Arbitrary<string>) =>
  fc.array(
    fc.record(
      { deployment: name, ms: MS, fault: name, status: fc.nat(), cost: AMOUNT.map(String) },
      { requiredKeys: ['deployment', 'ms'] },
    ),
    { maxLength: 3 },
  )

const charges = (name: fc.Arbitrary<string>) =>
  fc.record({
    ...{ model: name, deployment: fc.option(name, { nil: undefined }) },
    ...{ cost: AMOUNT, attempts: attempts(name) },
    usage: fc.record({
      ...{ input: TOKENS, cachedInput: TOKENS, cacheWrite: TOKENS, image: TOKENS },
      ...{ output: TOKENS, audioInput: TOKENS, audioOutput: TOKENS },
    }),
    ...{ isEstimated: fc.boolean(), isStream: fc.boolean(), startedAt: fc.nat() },
    ...{ firstByteMs: fc.option(MS, { nil: undefined }), totalMs: MS },
  })

const settles = (name: fc.Arbitrary<string>) =>
  fc.tuple(holds(name), charges(name), CREDIT, fc.nat()).map(([hold, charge, credit, at]) => {
    const { amount, balance, held } = hold
    const settled = { ...chargeOf('', 1n), ...charge }
    const entry = { charge: settled, hold: holdFrom(hold), price: hold.price, at }
    const left = { balance: credit.balance.toString(), held: held || balance }
    return chargeEntry({ ...entry, amount, ...left })
  })

const releases = (name: fc.Arbitrary<string>) =>
  fc.tuple(holds(name), attempts(name)).map(([hold, attempts]): Entry => {
    const { at, account, ref, amount, balance, held } = hold
    return { kind: 'release', at, account, ref, amount, balance, held, outcome: 'failed', attempts }
  })

const progress = (name: fc.Arbitrary<string>) =>
  fc.tuple(holds(name), AMOUNT).map(([{ at, account, ref }, cost]): Entry => {
    return { kind: 'progress', at, account, ref, cost: cost.toString() }
  })

const entries = (name: fc.Arbitrary<string>) =>
  fc.oneof(holds(name), settles(name), releases(name), progress(name))
/** Most of the second kind are not of the usual form. */
const ENTRY = fc.oneof(entries(PLAIN), entries(NAME))

/** Lines as they are written, alone and as a batch. */
const LINES = fc
  .array(ENTRY, { minLength: 1, maxLength: 3 })
  .map((batch) => new RecordWriter(GENESIS).batch(batch).toString().trimEnd().split('\n'))

/** What `JSON.parse` makes of a line, but for how an answer came about; undefined where it is no JSON. */
function parsed(text: string): unknown {
  try {
    return comparable(JSON.parse(text) as Record<string, unknown>)
  } catch {
    return undefined
  }
}

/** One for all, which has seen the lines before; each stands between others. */
const READER = new LineReader()
function lineIn(line: Buffer): JournalLine {
  const bytes = Buffer.concat([Buffer.from('{"seq":1'), line, Buffer.from('1"}')])
  return READER.read(bytes, 8, 8 + line.length)
}

function read(text: string): unknown {
  try {
    const { seq, batch, chain, entry } = lineIn(Buffer.from(text))
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
  const asText = (_: string, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value
  return JSON.parse(JSON.stringify(Object.fromEntries(booked), asText))
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
    fc.property(
      LINES,
      fc.noBias(fc.nat(999_999)),
      CHARACTER,
      fc.boolean(),
      (lines, pick, character, isPutIn) => {
        const line = Array.from(lines[0] ?? '')
        const at = pick % line.length
        const changed = line.toSpliced(at, isPutIn ? 0 : 1, character).join('')
        expect(read(changed)).toEqual(parsed(changed))
      },
    ),
    { numRuns: 5_000 },
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
  expect(lineIn(line).entry).not.toHaveProperty('attempts')
  expect(lineIn(line).entry).toMatchObject({ ref: 'req_1', amount: 7n, balance: 3n, held: 0n })
})

test('what is nearly of the usual form is read as JSON reads it', () => {
  const credit = { balance: micro(10n), held: micro(10n) }
  const line = new RecordWriter(GENESIS).batch([holdEntry(holdOf('req_1', 10n), credit, 7)])
  const text = line.toString().trimEnd()
  const changes = [
    ...[text, `${text}x`, `${text} `, ` ${text}`, `${text}${text}`, text.slice(0, -1)],
    ...[text.replace('"seq":1', '"seq":01'), text.replace('"seq":1', '"seq":1e1')],
    ...[text.replace('"at":7', '"at":00007'), text.replace('"at":7', '"at":')],
    ...[text.replace('"held":"10"', '"held":"010"'), text.replace('"held":"10"', '"held":""')],
    text.replace('"held":"10"', '"held":"99999999999999999999"'),
  ]
  for (const changed of changes) expect(read(changed), changed).toEqual(parsed(changed))
})

test('usual lines are not left to JSON, whatever stood in the lines before', () => {
  const plain = fc.constantFrom('a', 'b', 'ab', 'a/b-c', '', 'longer than others')
  const named = fc.record({ account: plain, key: plain, model: plain, amount: AMOUNT })
  fc.assert(
    fc.property(fc.array(named, { minLength: 1, maxLength: 9 }), (requests) => {
      for (const request of requests) {
        const credit = { balance: request.amount, held: request.amount }
        const entry = holdEntry({ ...holdOf('req_1', 1n), ...request }, credit, 1)
        const line = new RecordWriter(GENESIS).batch([entry]).subarray(0, -1)
        const {
          amount,
          balance,
          held,
          inputCost: input,
        } = { ...credit, ...holdOf('', 1n), ...request }
        const booked = { amount, balance, held, input }
        expect(lineIn(line)).toMatchObject({
          seq: 1,
          batch: undefined,
          entry: { ...entry, ...booked },
        })
      }
    }),
  )
})

test('a line is, to the byte, what JSON writes of its entry', () => {
  const ENTRIES = fc.array(ENTRY, {
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
