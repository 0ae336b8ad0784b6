import { STATUS_CODES } from 'node:http'
import { headerLines, type AnswerHead } from '../wire.ts'

/** A connection on which nothing is asked is kept for so long: longer than a proxy in front keeps it, or it meets closed ones. */
export const KEPT_SECONDS = 100

const KEPT = `Connection: keep-alive\r\nKeep-Alive: timeout=${KEPT_SECONDS}\r\n\r\n`
const CLOSED = 'Connection: close\r\n\r\n'

let second = 0
let date = ''

/** Written out once a second. */
function dateLine(): string {
  const now = Math.floor(Date.now() / 1_000)
  if (now !== second) date = `Date: ${new Date().toUTCString()}\r\n`
  second = now
  return date
}

/** Status line and headers, to the empty line. */
export function answerHead(
  { status, fixed, common, own }: AnswerHead,
  framing: string,
  isLast: boolean,
): string {
  const first = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`
  return (
    first +
    headerLines(common) +
    fixed.text +
    framing +
    headerLines(own) +
    dateLine() +
    (isLast ? CLOSED : KEPT)
  )
}
