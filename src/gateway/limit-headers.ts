import { formatCredits, micro } from '../domain/money.ts'
import { ownLines, type HeaderLines } from '../ports/header-lines.ts'
import type { Refusal, Verdict } from '../ports/limiter.ts'

/**
 * How the limits stand: as most gateways say it, with the time of the reset in seconds since 1970, and as OpenAI does,
 * with the time until then. After a refusal the reset is when the request would pass. Of accounts above nothing is told.
 */
export function limitHeaders(): (verdict: Verdict, nowMs: number) => HeaderLines {
  const plainLines = threeLines('', String)
  const requestLines = threeLines('-requests', durationText)
  const tokenLines = threeLines('-tokens', durationText)
  return ({ refusal, requests, tokens }, nowMs) => {
    const told = refusal?.rule.subject.kind === 'above' ? undefined : refusal
    const plain = told?.rule.of === 'tokens' ? tokens : (requests ?? tokens)
    let lines = ''
    if (told?.rule.of === 'spend') lines = spendLines(told, nowMs)
    else if (plain !== undefined)
      lines = plainLines(plain, Math.ceil((nowMs + plain.resetMs) / 1_000))
    if (requests !== undefined) lines += requestLines(requests, requests.resetMs)
    if (tokens !== undefined) lines += tokenLines(tokens, tokens.resetMs)
    return ownLines(lines)
  }
}

type Counted = Readonly<{ limit: number; left: number }>

/** Nearly all say the same limit and the same reset as others before: half the time of writing six numbers anew. */
function threeLines(name: string, resetText: (reset: number) => string) {
  const before = remembered((limit) => [
    ...['x-ratelimit-limit', name, ': ', String(limit)],
    ...['\r\nx-ratelimit-remaining', name, ': '],
  ])
  const after = remembered((reset) => [
    ...['\r\nx-ratelimit-reset', name, ': ', resetText(reset), '\r\n'],
  ])
  return ({ limit, left }: Counted, reset: number): string =>
    before(limit) + String(left) + after(reset)
}

const TEXTS_MAX = 1_000

function remembered(piecesOf: (value: number) => readonly string[]): (value: number) => string {
  const texts = new Map<number, string>()
  return (value) => {
    const known = texts.get(value)
    if (known !== undefined) return known
    if (texts.size >= TEXTS_MAX) texts.clear()
    const text = piecesOf(value).join('') // in one piece, unlike what is added up
    texts.set(value, text)
    return text
  }
}

function spendLines({ rule, left, waitMs }: Refusal, nowMs: number): string {
  const limit = formatCredits(micro(BigInt(rule.limit)))
  const remaining = formatCredits(micro(BigInt(left)))
  const lines = `x-ratelimit-limit: ${limit}\r\nx-ratelimit-remaining: ${remaining}\r\n`
  if (!Number.isFinite(waitMs)) return lines
  return `${lines}x-ratelimit-reset: ${Math.ceil((nowMs + waitMs) / 1_000)}\r\n`
}

/** 1m0s, 1h30m0s, 250ms: as OpenAI writes how long something takes. */
export function durationText(ms: number): string {
  if (ms === 60_000) return '1m0s' // nearly all of them
  if (ms < 1_000) return `${Math.ceil(ms)}ms`
  const seconds = Math.ceil(ms / 1_000)
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60]
  const hourText = hours > 0 ? `${hours}h` : ''
  return `${hourText}${seconds >= 60 ? `${minutes}m` : ''}${seconds % 60}s`
}
