/** Headers as they go out, each with its line end: a text costs a request less than a list of names and values. */
export type HeaderLines = string & { readonly __unit: 'header-lines' }

/** What Node refuses to send, too: anything else could end a header and begin another. */
const UNFIT = /[^\t\x20-\x7e\x80-\xff]/

/** Whatever somebody else wrote gets into a head this way alone. */
export function headerLine(name: string, value: string): HeaderLines {
  if (UNFIT.test(value)) throw new Error(`the header ${name} has an unfit value`)
  return ownLines(`${name}: ${value}\r\n`)
}

/** Made of constants, and of numbers and ids of our own: nobody looks at them again. */
export const ownLines = (lines: string): HeaderLines => lines as HeaderLines

export const joined = (lines: HeaderLines, more: HeaderLines): HeaderLines => ownLines(lines + more)

export const linesOf = (headers: Readonly<Record<string, string>>): HeaderLines =>
  Object.entries(headers)
    .map(([name, value]) => headerLine(name, value))
    .reduce(joined, NO_LINES)

export const NO_LINES = ownLines('')

/** Names and values in turn. */
export function namesAndValues(lines: HeaderLines): string[] {
  const list: string[] = []
  for (let at = 0; at < lines.length;) {
    const colon = lines.indexOf(':', at)
    const end = lines.indexOf('\r\n', colon)
    list.push(lines.slice(at, colon), lines.slice(colon + 2, end))
    at = end + 2
  }
  return list
}
