/** One line of comma-separated values, as RFC 4180 has it. */
export const csvLine = (fields: readonly (string | number)[]): string =>
  `${fields.map(csvField).join(',')}\r\n`

/** Text that a spreadsheet would take for a formula gets a ' in front, which spreadsheets do not show. */
function csvField(field: string | number): string {
  const text = typeof field === 'string' && FORMULA.test(field) ? `'${field}` : String(field)
  return SPECIAL.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const FORMULA = /^[=+\-@\t\r]/
const SPECIAL = /[",\r\n]/

/** A line of a file, which may go on over several, or what is wrong with it. */
export type CsvRow = Readonly<{ line: number }> &
  (Readonly<{ fields: readonly string[] }> | Readonly<{ problem: string }>)

/** Lines of comma-separated values; quotes around a field are taken away, and empty lines are left out. Nothing is guessed. */
export function readCsv(file: string): readonly CsvRow[] {
  const text = file.replace(/^\uFEFF/, '')
  const rows: CsvRow[] = []
  let line = 1
  for (let at = 0; at < text.length;) {
    const { end, ...row } = rowAt(text, at)
    if ('problem' in row || row.fields.some((field) => field !== '')) rows.push({ line, ...row })
    line += text.slice(at, end).match(LINE_END)?.length ?? 0
    at = end
  }
  return rows
}

type Found = Readonly<{ end: number }> &
  (Readonly<{ fields: readonly string[] }> | Readonly<{ problem: string }>)

function rowAt(text: string, from: number): Found {
  const fields: string[] = []
  for (let at = from; ;) {
    FIELD.lastIndex = at
    const [all, quoted, plain, end] = FIELD.exec(text) ?? []
    if (all === undefined) return brokenAt(text, at)
    fields.push(quoted?.replaceAll('""', '"') ?? plain ?? '')
    at += all.length
    if (end !== ',') return { fields, end: at }
  }
}

function brokenAt(text: string, at: number): Found {
  if (text[at] !== '"')
    return {
      problem: 'a quote stands inside a field. Put the whole field in quotes, and write it twice.',
      end: lineAfter(text, at),
    }
  QUOTED.lastIndex = at
  if (!QUOTED.test(text)) return { problem: 'a quote is not closed.', end: text.length }
  return {
    problem: 'something stands behind a closing quote.',
    end: lineAfter(text, QUOTED.lastIndex),
  }
}

function lineAfter(text: string, at: number): number {
  LINE_END.lastIndex = at
  return LINE_END.test(text) ? LINE_END.lastIndex : text.length
}

/** A field, in quotes or not, up to the comma or the line's end. */
const FIELD = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r\n?|\n|$)/y
const QUOTED = /"[^"]*(?:""[^"]*)*"/y
const LINE_END = /\r\n?|\n/g
