import { STATUS_CODES } from 'node:http'
import type { AnswerHead } from '../wire.ts'

/** A connection on which nothing is asked is kept for so long: longer than a proxy in front keeps it, or it meets closed ones. */
export const KEPT_SECONDS = 100

const KEPT = `Connection: keep-alive\r\nKeep-Alive: timeout=${KEPT_SECONDS}\r\n\r\n`
const CLOSED = 'Connection: close\r\n\r\n'

let second = 0
/** The end of a head, with its date: written out once a second. */
let kept = ''
let closed = ''

function lastLines(isLast: boolean): string {
  const now = Math.floor(Date.now() / 1_000)
  if (now !== second) {
    const date = `Date: ${new Date(now * 1_000).toUTCString()}\r\n`
    kept = date + KEPT
    closed = date + CLOSED
  }
  second = now
  return isLast ? closed : kept
}

const OK = 'HTTP/1.1 200 OK\r\n'
const statusLine = (status: number): string =>
  status === 200 ? OK : `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`

/** Status line and headers, to the empty line. */
export const answerHead = (
  { status, before, after }: AnswerHead,
  framing: string,
  isLast: boolean,
): string => statusLine(status) + before + framing + after + lastLines(isLast)
