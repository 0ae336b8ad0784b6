import { headerLine, linesOf, type HeaderLines } from '../ports/header-lines.ts'

export type SecurityHeaders = Readonly<{
  /** For callers who came by TLS: for how long, and for whom, that is the only way. */
  strictTransport: string
  xssProtection: string
}>

/** What browsers are told by every answer, in the forms in which it goes out. */
export type Guards = Readonly<{
  all: Readonly<Record<string, string>>
  stream: HeaderLines
  json: HeaderLines
  byTls: HeaderLines
}>

/** Where an answer is no page, it loads nothing. */
export const NO_PAGE = { 'content-security-policy': "default-src 'none'; frame-ancestors 'none'" }

/** For browsers that were led here: nothing here is to be framed, guessed at or told where somebody came from. */
export function guardsOf({ strictTransport, xssProtection }: SecurityHeaders): Guards {
  const all = {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'x-xss-protection': xssProtection,
    'referrer-policy': 'no-referrer',
  }
  return {
    all,
    stream: linesOf({
      'content-type': 'text/event-stream; charset=utf-8',
      ...{ ...all, ...NO_PAGE },
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    }),
    json: linesOf({
      'content-type': 'application/json',
      ...{ ...all, ...NO_PAGE },
      'cache-control': 'no-store',
    }),
    byTls: headerLine('strict-transport-security', strictTransport),
  }
}
