import { formatCredits, micro } from '../domain/money.ts'
import type { ReplyHeaders } from '../ports/reply.ts'
import type { Refusal, Standing, Verdict } from '../ports/limiter.ts'

/**
 * How the limits stand: as most gateways say it, with the time of the reset in seconds since 1970, and as OpenAI does,
 * with the time until then. After a refusal the reset is when the request would pass. Of accounts above nothing is told.
 */
export function limitHeaders({ refusal, requests, tokens }: Verdict, nowMs: number): ReplyHeaders {
  const told = refusal?.rule.subject.kind === 'above' ? undefined : refusal
  const plain = told?.rule.of === 'tokens' ? tokens : (requests ?? tokens)
  const headers = told?.rule.of === 'spend' ? spendHeaders(told, nowMs) : plainHeaders(plain, nowMs)
  if (requests !== undefined) {
    headers.push(
      'x-ratelimit-limit-requests',
      String(requests.limit),
      'x-ratelimit-remaining-requests',
      String(requests.left),
      'x-ratelimit-reset-requests',
      durationText(requests.resetMs),
    )
  }
  if (tokens !== undefined) {
    headers.push(
      'x-ratelimit-limit-tokens',
      String(tokens.limit),
      'x-ratelimit-remaining-tokens',
      String(tokens.left),
      'x-ratelimit-reset-tokens',
      durationText(tokens.resetMs),
    )
  }
  return headers
}

function plainHeaders(standing: Standing | undefined, nowMs: number): string[] {
  if (standing === undefined) return []
  return [
    'x-ratelimit-limit',
    String(standing.limit),
    'x-ratelimit-remaining',
    String(standing.left),
    'x-ratelimit-reset',
    String(Math.ceil((nowMs + standing.resetMs) / 1_000)),
  ]
}

function spendHeaders({ rule, left, waitMs }: Refusal, nowMs: number): string[] {
  const reset = Number.isFinite(waitMs) ? [String(Math.ceil((nowMs + waitMs) / 1_000))] : []
  return [
    ...['x-ratelimit-limit', formatCredits(micro(BigInt(rule.limit)))],
    ...['x-ratelimit-remaining', formatCredits(micro(BigInt(left)))],
    ...reset.flatMap((text) => ['x-ratelimit-reset', text]),
  ]
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
