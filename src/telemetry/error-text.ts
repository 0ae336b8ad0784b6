import type { LogLevel } from './log-text.ts'

const LINES_MAX = 60
const CAUSES_MAX = 4

/** The whole stack and those of the causes, a line an item: no cap on a value cuts it, and it can be read. */
export function stackLines(error: unknown): readonly string[] {
  const lines: string[] = []
  let current: unknown = error
  for (let depth = 0; depth <= CAUSES_MAX && current !== undefined; depth++) {
    const [first = '', ...rest] = withoutBody(textOf(current)).split('\n')
    lines.push(depth === 0 ? first : `caused by ${first}`, ...rest.map((line) => line.trim()))
    current = current instanceof Error ? current.cause : undefined
  }
  return lines.slice(0, LINES_MAX)
}

/** What is behind a refusal: said in full where it is ours, by name only where a caller's words may be in it. */
export function causeOf(cause: unknown, level: LogLevel): string | undefined {
  if (cause === undefined) return undefined
  if (!(cause instanceof Error)) return typeof cause
  return level === 'info' ? cause.name : withoutBody(`${cause.name}: ${cause.message}`)
}

function textOf(error: unknown): string {
  if (error instanceof Error) return error.stack ?? `${error.name}: ${error.message}`
  return `Not an error but ${typeof error}: ${typeof error === 'string' ? error : ''}`
}

/** JSON.parse quotes what it could not read, and that may be part of a prompt or an answer. */
const withoutBody = (text: string): string =>
  text.replace(/(?:\.\.\.)?"[^]*"(?:\.\.\.)? is not valid JSON/, 'text is not valid JSON')
