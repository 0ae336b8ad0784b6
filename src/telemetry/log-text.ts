import { scrubbed, type LogFields } from './redact.ts'

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

export type LogEntry = Readonly<{
  timeMs: number
  level: LogLevel
  /** A function where making the fields is work: it is called when the line is written, not when it is told. */
  fields: LogFields | (() => LogFields)
}>

/** The inside of a JSON object in which nothing needs scrubbing any more, and nothing would be obeyed. */
export type ReadyMembers = string

/**
 * What JSON leaves as it is, and what a terminal or a log reader would still obey: DEL and the C1 controls, the two
 * line separators, and the marks that turn the direction of writing.
 */
const UNSAFE = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

export const withoutUnsafe = (json: string): string =>
  json.replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** An event as a line of JSON, whatever the values hold. */
export function lineText(entry: LogEntry): string {
  try {
    return lineOf(entry)
  } catch (error) {
    // An event that cannot be written must not take its whole batch along.
    const reason = error instanceof Error ? error.message : 'unknown'
    return lineOf({ ...entry, level: 'error', fields: { event: 'log_line_failed', reason } })
  }
}

function lineOf({ timeMs, level, fields }: LogEntry): string {
  const members = JSON.stringify(scrubbed(typeof fields === 'function' ? fields() : fields))
  const begun = lineStart(timeMs, level)
  return withoutUnsafe(members === '{}' ? `${begun}}` : `${begun},${members.slice(1)}`)
}

/** The line of members that are ready. */
export const readyText = (timeMs: number, level: LogLevel, members: ReadyMembers): string =>
  `${lineStart(timeMs, level)},${members}}`

let lastMs = Number.NaN
let lastTime = ''

/** Many events fall into one millisecond, and writing out a time costs as much as scrubbing a line. */
function lineStart(timeMs: number, level: LogLevel): string {
  if (timeMs !== lastMs) lastTime = `{"time":"${new Date(timeMs).toISOString()}","level":"`
  lastMs = timeMs
  return `${lastTime}${level}"`
}
