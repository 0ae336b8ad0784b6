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

/** Lines of comma-separated values; quotes around a field are taken away, and empty lines are left out. */
export function readCsv(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [[]]
  for (const [, quoted, plain, end] of text.replace(/^\uFEFF/, '').matchAll(FIELD)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain ?? '')
    if (end !== ',') rows.push([])
  }
  return rows.filter((row) => row.some((field) => field !== ''))
}

/** A field, in quotes or not, up to the comma or the line's end. */
const FIELD = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g
