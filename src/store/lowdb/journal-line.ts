import type { Outcome } from '../../domain/outcome.ts'
import type { Bucket } from '../../domain/usage.ts'
import type { BookedEntry } from '../booked-entry.ts'

/** A line of the journal: what it says of its place, and its entry without that. */
export type JournalLine = Readonly<{
  seq: number
  /** At the end of a batch of several: how many they are. */
  batch: number | undefined
  chain: string | undefined
  entry: BookedEntry
}>

/**
 * Reads a line; one that is not JSON throws a `SyntaxError`. Holds and their ends are nearly all of a journal. They are read
 * by the exact form in which they are written, from the first character to the last: that takes less than half of the time
 * of `JSON.parse`, and makes nothing that the books do not need. A line of any other form is left to it: one with levels of
 * a chain, with a character that JSON escapes or that is not ASCII, or with its fields in another order.
 */
export function readLine(line: Buffer): JournalLine {
  return plainLine(line.toString('latin1')) ?? parsed(line.toString())
}

function parsed(text: string): JournalLine {
  const { seq, crc: _crc, chain, batch, ...entry } = JSON.parse(text) as Written
  return { seq, batch, chain, entry: entry as unknown as BookedEntry }
}

type Written = { seq: number; crc: string; chain?: string; batch?: number; kind: string }

function plainLine(text: string): JournalLine | undefined {
  const kind = text.indexOf(',') + 1
  if (text.startsWith('"kind":"hold"', kind)) return holdIn(text)
  if (text.startsWith('"kind":"settle"', kind)) return settleIn(text)
  if (text.startsWith('"kind":"release"', kind)) return releaseIn(text)
  if (text.startsWith('"kind":"progress"', kind)) return progressIn(text)
  return undefined
}

/** Printable ASCII that stands in JSON as it is. */
const TEXT = '[ !#-\\[\\]-~]*'
/** As many digits as a double holds exactly. */
const WHOLE = '(?:0|[1-9][0-9]{0,14})'
const DECIMAL = `${WHOLE}(?:\\.[0-9]{1,6})?`

const text = (name: string): string => `,"${name}":"(${TEXT})"`
const amount = (name: string): string => `,"${name}":"([0-9]{1,19})"`
/** The first field of its object, or one behind a comma. */
const tokens = (name: Bucket): string => `(?:(?:(?<=\\{)|,)"${name}":(${WHOLE}))?`

const MOVED = [text('account'), text('ref'), amount('amount'), amount('balance'), amount('held')]
const USED = [
  ...[tokens('input'), tokens('cachedInput'), tokens('cacheWrite'), tokens('image')],
  ...[tokens('output'), tokens('audioInput'), tokens('audioOutput')],
]
const ATTEMPT =
  `\\{"deployment":"${TEXT}"(?:,"fault":"${TEXT}")?(?:,"status":${WHOLE})?,"ms":${DECIMAL}` +
  '(?:,"cost":"[0-9]+")?\\}'
const ATTEMPTS = `,"attempts":\\[(?:${ATTEMPT}(?:,${ATTEMPT})*)?\\]`

const form = (kind: string, ...fields: readonly string[]): RegExp =>
  new RegExp(
    `^\\{"seq":(${WHOLE}),"kind":"${kind}","at":(${WHOLE})${fields.join('')}` +
      `(?:,"batch":(${WHOLE}))?(?:,"chain":"([0-9a-f]{64})")?,"crc":"[0-9a-f]{8}"\\}$`,
  )

const HOLD = form('hold', ...MOVED, text('key'), text('model'), text('price'), amount('input'))

function holdIn(line: string): JournalLine | undefined {
  const found = HOLD.exec(line)
  if (found === null) return undefined
  const [
    ,
    seq,
    at,
    account = '',
    ref = '',
    amount = '',
    balance = '',
    held = '',
    key = '',
    model = '',
    price = '',
    input = '',
    batch,
    chain,
  ] = found
  return {
    seq: Number(seq),
    batch: numberIn(batch),
    chain,
    entry: {
      kind: 'hold',
      at: Number(at),
      account,
      ref,
      amount,
      balance,
      held,
      key,
      model,
      price,
      input,
    },
  }
}

const SETTLE = form(
  'settle',
  ...[...MOVED, text('key'), text('model'), `(?:${text('deployment')})?`, text('outcome')],
  ...[amount('cost'), `,"price":"${TEXT}","usage":\\{${USED.join('')}\\}`],
  ...['(?:,"estimated":(true))?(?:,"stream":true)?', ATTEMPTS],
  `,"startedAt":${WHOLE}(?:,"firstByteMs":${DECIMAL})?,"totalMs":${DECIMAL}`,
)

function settleIn(line: string): JournalLine | undefined {
  const found = SETTLE.exec(line)
  if (found === null) return undefined
  const [
    ,
    seq,
    at,
    account = '',
    ref = '',
    amount = '',
    balance = '',
    held = '',
    key = '',
    model = '',
    deployment,
    outcome,
    cost = '',
  ] = found
  return {
    seq: Number(seq),
    batch: numberIn(found[21]),
    chain: found[22],
    entry: {
      kind: 'settle',
      at: Number(at),
      account,
      ref,
      amount,
      balance,
      held,
      key,
      model,
      deployment,
      outcome: outcome as Outcome,
      cost,
      usage: usageIn(found),
      estimated: found[20] === undefined ? undefined : true,
    },
  }
}

const usageIn = (found: RegExpExecArray): Readonly<Record<Bucket, number | undefined>> => ({
  input: numberIn(found[13]),
  cachedInput: numberIn(found[14]),
  cacheWrite: numberIn(found[15]),
  image: numberIn(found[16]),
  output: numberIn(found[17]),
  audioInput: numberIn(found[18]),
  audioOutput: numberIn(found[19]),
})

const RELEASE = form('release', ...MOVED, text('outcome'), ATTEMPTS)

function releaseIn(line: string): JournalLine | undefined {
  const found = RELEASE.exec(line)
  if (found === null) return undefined
  const [
    ,
    seq,
    at,
    account = '',
    ref = '',
    amount = '',
    balance = '',
    held = '',
    outcome,
    batch,
    chain,
  ] = found
  return {
    seq: Number(seq),
    batch: numberIn(batch),
    chain,
    entry: {
      kind: 'release',
      at: Number(at),
      account,
      ref,
      amount,
      balance,
      held,
      outcome: outcome as Outcome,
    },
  }
}

const PROGRESS = form('progress', text('account'), text('ref'), amount('cost'))

function progressIn(line: string): JournalLine | undefined {
  const found = PROGRESS.exec(line)
  if (found === null) return undefined
  const [, seq, at, account = '', ref = '', cost = '', batch, chain] = found
  return {
    seq: Number(seq),
    batch: numberIn(batch),
    chain,
    entry: { kind: 'progress', at: Number(at), account, ref, cost },
  }
}

const numberIn = (digits: string | undefined): number | undefined =>
  digits === undefined ? undefined : Number(digits)
