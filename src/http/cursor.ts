import { createHash } from 'node:crypto'

/**
 * Where a page ended, as text for the caller to send back. It gives no right to anything, so it is checked and not
 * signed: the check notices what was changed or belongs to another question, and holds over restarts.
 */
export function writeCursor(position: unknown, question: string): string {
  const text = JSON.stringify(position)
  return `${Buffer.from(text).toString('base64url')}.${checkOf(text, question)}`
}

/** Undefined when it was not written for this question. */
export function readCursor(cursor: string, question: string): unknown {
  const [body = '', check, ...rest] = cursor.split('.')
  const text = Buffer.from(body, 'base64url').toString()
  const isWhole = rest.length === 0 && Buffer.from(text).toString('base64url') === body
  return isWhole && check === checkOf(text, question) ? JSON.parse(text) : undefined
}

const checkOf = (text: string, question: string): string =>
  createHash('sha256').update(`${question}\n${text}`).digest('base64url').slice(0, 16)
