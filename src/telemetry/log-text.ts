import { scrubbed, type LogFields } from './redact.ts'

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

export type LogEntry = Readonly<{
  timeMs: number
  level: LogLevel
  /** A function where making the fields is work: it is called when the line is written, not when it is told. */
  fields: LogFields | (() => LogFields) | ReadyMembers
}>

/** The inside of a JSON object, of values that are the house's own: nothing in it needs scrubbing. */
export type ReadyMembers = string

/**
 * What JSON leaves as it is, and what a terminal or a log reader would still obey: DEL and the C1 controls, the two
 * line separators, and the marks that turn the direction of writing.
 */
const UNSAFE = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

/** A batch as JSON lines, one an event, whatever the values hold. */
export function logText(entries: readonly LogEntry[]): string {
  const timeOf = memoizedTime()
  const lines = entries.map((entry) => `{"time":"${timeOf(entry.timeMs)}",${restOf(entry)}`)
  return lines
    .join('\n')
    .replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function restOf(entry: LogEntry): string {
  try {
    return membersOf(entry)
  } catch (error) {
    // An event that cannot be written must not take its whole batch along.
    const reason = error instanceof Error ? error.message : 'unknown'
    return membersOf({ ...entry, level: 'error', fields: { event: 'log_line_failed', reason } })
  }
}

function membersOf({ level, fields }: LogEntry): string {
  if (typeof fields === 'string') return `"level":"${level}",${fields}}`
  const members = JSON.stringify(scrubbed(typeof fields === 'function' ? fields() : fields))
  return members === '{}' ? `"level":"${level}"}` : `"level":"${level}",${members.slice(1)}`
}

/** Many events of a batch fall into one millisecond, and writing out a time costs as much as scrubbing a line. */
function memoizedTime(): (timeMs: number) => string {
  let lastMs = Number.NaN
  let text = ''
  return (timeMs) => {
    if (timeMs !== lastMs) text = new Date(timeMs).toISOString()
    lastMs = timeMs
    return text
  }
}
