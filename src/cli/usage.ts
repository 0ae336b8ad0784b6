import type { UsagePosition } from '../domain/usage-query.ts'
import { booksReader } from '../wiring/read-books.ts'
import type { ReadUsage, UsageCommand } from '../wiring/reading-commands.ts'
import { dbDir } from './db-dir.ts'
import { progressLine } from './progress.ts'
import type { Given, Resource, Result } from './resource.ts'

const OPTIONS = {
  from: { value: 'WHEN', does: 'a day such as 2026-11-01, or a time such as 2026-11-01T09:30:00Z' },
  to: { value: 'WHEN', does: 'the last day, or the time before which it ends (now if left out)' },
  'group-by': {
    value: 'A,B',
    does: 'none, or of day, hour, account, key, model, deployment, outcome, sub_account (day if left out)',
  },
  account: { value: 'NAME', does: 'only this account’s' },
  of: {
    value: 'sub_accounts',
    does: 'what resellers paid for their sub-accounts, what these paid and were given back, and the profit',
  },
  'sub-account': { value: 'NAME', does: 'only of this one, with --of sub_accounts' },
  key: { value: 'ID', does: 'only under this key' },
  model: { value: 'NAME', does: 'only of this model' },
  deployment: { value: 'ID', does: 'only by this deployment' },
  outcome: { value: 'NAME', does: 'only what ended so: finished, cut, aborted, …' },
  'time-zone': { value: 'NAME', does: 'whose days these are (UTC if left out)' },
  format: { value: 'csv', does: 'print comma-separated values, for a spreadsheet' },
}

export const usage: Resource = {
  does: 'what accounts used, and what it cost, from the journal',
  actions: {
    '': {
      usage: 'usage [options]',
      does: 'Sums up the requests of all accounts, or of some; the last 30 days if no time is given.',
      options: OPTIONS,
      words: [],
      needed: 0,
      run: printUsage,
    },
  },
}

/** Asks for page after page: a spreadsheet wants all of it. */
async function printUsage({ format, ...given }: Given): Promise<Result> {
  if (format !== undefined && format !== 'csv') throw new Error('--format can only be csv.')
  const parameters = { ...snakeCased(given), limit: '1000' }
  const progress = progressLine()
  const read = booksReader({ dbDir: dbDir(), progress: progress.show })
  const pages: ReadUsage[] = []
  let position: UsagePosition | null | undefined
  while (position !== null) {
    const command: UsageCommand = { parameters, ...(position && { position }) }
    const page = (await read('usage', command)) as ReadUsage
    pages.push(page)
    position = page.next
  }
  progress.clear()
  const data = pages.flatMap(({ view }) => view.data)
  const json = { ...pages[0]?.view, data, has_more: false }
  return { json, text: format === 'csv' ? pages.map(({ csv }) => csv).join('') : table(pages) }
}

const snakeCased = (given: Given): Record<string, string> =>
  Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) =>
      value === undefined ? [] : [[name.replaceAll('-', '_'), value]],
    ),
  )

function table(pages: readonly ReadUsage[]): string {
  const [first] = pages
  if (first === undefined) return ''
  const { group_by: by, total, time_zone: zone } = first.view
  const sales = total.sold === undefined ? [] : ['sold', 'returned', 'profit']
  const heading = [
    ...by,
    'requests',
    'tokens in',
    'tokens out',
    'cost',
    'charged',
    'refunded',
    ...sales,
  ]
  const rows = pages.flatMap(({ view }) =>
    view.data.map((row) => [...by.map((name) => row[name] ?? ''), ...figures(row)]),
  )
  const sum = [...by.map((_, at) => (at === 0 ? 'total' : '')), ...figures(total)]
  const lines = [heading, ...rows, ...(by.length === 0 ? [] : [sum])]
  const widths = heading.map((_, at) => Math.max(...lines.map((line) => (line[at] ?? '').length)))
  const text = lines.map((line) =>
    line
      .map((cell, at) => pad(cell, { width: widths[at] ?? 0, isText: at < by.length }))
      .join('  ')
      .trimEnd(),
  )
  return `${first.view.from} to ${first.view.to}, days of ${zone}\n\n${text.join('\n')}\n`
}

type Sums = ReadUsage['view']['total']

function figures({ requests, tokens, ...money }: Sums): string[] {
  const { output = 0, audio_output: audioOutput = 0, ...inputs } = tokens
  const input = Object.values(inputs).reduce((all, one) => all + one, 0)
  const counts = [String(requests), String(input), String(output + audioOutput)]
  const { cost, charged, refunded, sold, returned, profit } = money
  const sales = [sold, returned, profit].filter((one) => one !== undefined)
  return [...counts, cost, charged, refunded, ...sales]
}

const pad = (cell: string, { width, isText }: { width: number; isText: boolean }): string =>
  isText ? cell.padEnd(width) : cell.padStart(width)
