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
