import { parseArgs } from 'node:util'
import { booksReader } from '../wiring/read-books.ts'
import type { ReadReceipt } from '../wiring/reading-commands.ts'
import { dbDir } from './db-dir.ts'
import { progressLine } from './progress.ts'
import { tellFailure } from './tell-failure.ts'

const HELP = `node scripts/receipt.js REQUEST_ID [options]

Shows how the charge for a request came about: its tokens by their prices, computed again from the journal, what was
held, what was tried, what was given back, and where in the journal it stands. REQUEST_ID is the x-request-id of the
answer. Works while the server runs and while it does not, and changes nothing in the books.

Ends with 0 when the charge follows from price and tokens, with 1 when there is no such request or it does not.

  --db DIR   the data folder (DB_DIR, ./db)
  --json     print the receipt as JSON
  --help     this text
`

const OPTIONS = {
  db: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

try {
  await main()
} catch (error) {
  tellFailure(error)
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    ...{ options: OPTIONS, strict: true, allowPositionals: true },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const [id, ...rest] = positionals
  if (id === undefined || rest.length > 0) throw new Error('Give one REQUEST_ID.')
  const progress = progressLine()
  const read = booksReader({ dbDir: values.db ?? dbDir(), progress: progress.show })
  const receipt = (await read('receipt', { id })) as ReadReceipt
  progress.clear()
  process.stdout.write(values.json ? `${JSON.stringify(receipt)}\n` : page(receipt))
  if (!receipt.recomputed) process.exitCode = 1
}

function page(receipt: ReadReceipt): string {
  const { id, account, key, model, deployment, state, outcome, arithmetic } = receipt
  const rows: [string, string][] = [
    ['Request', `${id} (${state}${outcome === null ? '' : `, ${outcome}`})`],
    ['Account', `${account}, key ${key}`],
    ['Model', deployment === null ? model : `${model}, answered by ${deployment}`],
    ['Time', `${receipt.started_at} to ${receipt.ended_at ?? 'now'}`],
    ['Price', receipt.price],
    ...(arithmetic === null ? [] : arithmeticRows(arithmetic)),
    ['Cost', `${receipt.cost} credits${receipt.is_estimated ? ' (tokens counted here)' : ''}`],
    ['Charged', `${receipt.charged} credits, of ${receipt.hold} held`],
    ...(receipt.overrun === '0' ? [] : [operatorRow(receipt)]),
    ...receipt.refunds.map((one): [string, string] => ['Refunded', `${one.amount}, ${one.at}`]),
    ...receipt.attempts.map((one): [string, string] => [
      'Attempt',
      `${one.deployment}: ${one.fault ?? 'answered'}, ${one.ms} ms`,
    ]),
    ...receipt.ledger.map((one): [string, string] => [
      'Journal',
      `${one.kind}, seq ${one.seq} in segment ${one.segment}`,
    ]),
  ]
  const lines = rows.map(([name, text]) => `${`${name}:`.padEnd(11)}${text}`)
  return [...lines, verdict(receipt), ''].join('\n')
}

function operatorRow({ overrun }: ReadReceipt): [string, string] {
  return ['Operator', `${overrun} credits, which the account did not pay`]
}

function arithmeticRows(sum: NonNullable<ReadReceipt['arithmetic']>): [string, string][] {
  const products = sum.lines.map(({ bucket, count, rate, units }): [string, string] => [
    bucket,
    `${count} × ${rate} = ${units}`,
  ])
  const { units, units_per_micro_credit: scale, rounded_up_units: added } = sum
  const whole = `${units} / ${scale} = ${sum.cost_micro_credits} micro-credits`
  return [...products, ['Sum', added === '0' ? whole : `${whole}, rounded up by ${added}/${scale}`]]
}

function verdict({ recomputed, charged_by: by, state }: ReadReceipt): string {
  if (!recomputed) return 'The charge does NOT follow from this: run node scripts/audit.js.'
  if (state !== 'settled' || by === 'nothing') return 'Nothing was charged.'
  if (by === 'progress') return 'The gateway died: charged by its last note of the cost.'
  return 'Computed again: price times tokens is the cost, to the unit.'
}
