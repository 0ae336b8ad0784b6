import { createHash } from 'node:crypto'
import { parseIssueKey } from '../admin/issue-key-request.ts'
import { readCsv, type CsvRow } from '../domain/csv.ts'
import { Failure } from '../domain/failure.ts'
import { whenIn } from './keys.ts'

const COLUMNS = ['account', 'credits', 'tier', 'models', 'tags', 'expires'] as const
const PROBLEMS_MAX = 20

export type BatchRow = Readonly<{
  /** Where it stands in the file, for whoever reads about it. */
  line: number
  /** What it is called by: the same whenever the file is read again, wherever in it the line stands then. */
  call: string
  wish: object
}>

type Fields = Readonly<Partial<Record<string, string>>>

/** The lines of a CSV file, each checked; or all that is wrong with it. */
export function batchRows(text: string, batch: string): readonly BatchRow[] {
  const [head, ...rows] = readCsv(text)
  const columns = columnsIn(head)
  const problems: string[] = []
  const seen = new Map<string, number>()
  const read = rows.map((row): BatchRow => {
    const fields = fieldsOf(row, columns)
    const said = JSON.stringify(COLUMNS.map((name) => fields[name] ?? ''))
    const before = seen.get(said) ?? 0
    seen.set(said, before + 1)
    const one = { line: row.line, call: nameOf(batch, said, before), wish: wishOf(fields) }
    const problem = brokenForm(row, columns) ?? problemWith(one.wish)
    if (problem !== undefined) problems.push(`line ${one.line}: ${problem}`)
    return one
  })
  if (problems.length === 0) return read
  throw new Error([...problems.slice(0, PROBLEMS_MAX), 'Nothing was issued.'].join('\n'))
}

function columnsIn(head: CsvRow | undefined): readonly string[] {
  const columns =
    head !== undefined && 'fields' in head
      ? head.fields.map((name) => name.trim().toLowerCase())
      : []
  const isKnown = (name: string): boolean => COLUMNS.some((one) => one === name)
  const isOnce = new Set(columns).size === columns.length
  if (columns.every(isKnown) && isOnce && columns.includes('account')) return columns
  const [account, ...others] = COLUMNS
  throw new Error(
    `The first line names the columns, each once: ${account}, and any of ${others.join(', ')}.`,
  )
}

const fieldsOf = (row: CsvRow, columns: readonly string[]): Fields =>
  'fields' in row
    ? Object.fromEntries(columns.map((name, at) => [name, row.fields[at]?.trim() ?? '']))
    : {}

/** What was meant by a line with a field too many is anybody's guess, and it is credit that is guessed. */
function brokenForm(row: CsvRow, columns: readonly string[]): string | undefined {
  if ('problem' in row) return row.problem
  const [has, expected] = [row.fields.length, columns.length]
  if (has === expected) return undefined
  return `has ${has} fields, and the first line names ${expected}. A field with a comma in it stands in quotes.`
}

function problemWith(wish: object): string | undefined {
  try {
    parseIssueKey(wish)
    return undefined
  } catch (error) {
    if (error instanceof Failure) return error.message
    throw error
  }
}

/** Two lines of the same words are two keys. */
const nameOf = (batch: string, said: string, before: number): string =>
  `batch ${createHash('sha256')
    .update(JSON.stringify([batch, said, before]))
    .digest('hex')}`

function wishOf({ account, credits, tier, models, tags, expires }: Fields): object {
  return {
    ...{ type: 'user', account },
    ...(credits && { credits }),
    ...(tier && { tier }),
    ...(models && { models: models.split(/\s+/) }),
    ...(tags && { tags: tags.split(/\s+/) }),
    ...(expires && { expires: whenIn(expires) }),
  }
}
