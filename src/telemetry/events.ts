/** Every business event as a log line: what may be logged is what is named here, and nothing else of a request is. */
import type { AttemptRecord } from '../domain/entry.ts'
import type { FailureCode } from '../domain/failure.ts'
import { formatCredits } from '../domain/money.ts'
import { hundredthsText } from '../domain/number-text.ts'
import { allTokens, BUCKETS, type Bucket, type Usage } from '../domain/usage.ts'
import type { Events, RequestEnded, RequestRefused } from '../ports/events.ts'
import { causeOf, stackLines } from './error-text.ts'
import type { Log } from './log.ts'
import { withoutUnsafe, type LogLevel, type ReadyMembers } from './log-text.ts'
import { isSuspect, scrubbedText, type LogFields } from './redact.ts'

/** The lines are made later, off the caller's stack: hence the functions. */
export function logEvents(log: Log): Events {
  return {
    // Measured alone: completions have a line of their own, in which their waiting and attempts are; other routes have none.
    answered: () => undefined,
    waited: () => undefined,
    hedged: () => undefined,
    continued: () => undefined,
    // The one line that every request has: made at once, so that nothing of the request lives on in the queue.
    requestEnded: (event) => log.writeReady('info', requestMembers(event)),
    requestRefused: (event) => log.write(REFUSAL_LEVELS[event.code], () => refusalLine(event)),
    serviceAnswered: ({ requestId, totalMs, ...event }) =>
      log.write('info', () => ({
        ...{ event: 'service', id: requestId, ...event, total_ms: hundredths(totalMs) },
      })),
    attemptFailed: ({ requestId, attempt, detail }) =>
      log.write('warn', () => ({ event: 'attempt_failed', id: requestId, ...attempt, detail })),
    bug: ({ where, requestId, error }) =>
      log.write('error', () => ({ event: 'bug', id: requestId, where, stack: stackLines(error) })),
    notice: (message, facts) => log.write('info', () => ({ ...facts, event: 'notice', message })),
    warning: (message, facts) => log.write('warn', () => ({ ...facts, event: 'warning', message })),
    problem: (message, facts) =>
      log.write('error', () => ({ ...facts, event: 'problem', message })),
  }
}

/** By hand, because nearly all lines are this one, and JSON.stringify takes three times as long. */
function requestMembers(event: RequestEnded): ReadyMembers {
  const { attempts, usage, firstByteMs, deployment, cost, charged } = event
  const failed = attempts.length === 1 ? [] : attempts.filter(({ fault }) => fault !== undefined)
  const costText = formatCredits(cost)
  return (
    `"event":"request","id":"${event.requestId}","account":${named(event.account)},"key":${named(event.key)},` +
    `"model":${named(event.model)},` +
    (deployment === undefined ? '' : `"deployment":${named(deployment)},`) +
    `"attempts":${attempts.length},` +
    (failed.length === 0
      ? ''
      : `"faults":[${failed.map((one) => named(faultText(one))).join()}],`) +
    `"outcome":"${event.outcome}",` +
    (usage === undefined ? '' : `"tokens":${tokenCounts(usage)},`) +
    `"estimated":${event.isEstimated},"stream":${event.isStream},` +
    `"cost":"${costText}","charged":"${charged === cost ? costText : formatCredits(charged)}",` +
    (firstByteMs === undefined
      ? ''
      : `"first_byte_ms":${hundredthsText(hundredths(firstByteMs))},`) +
    `"total_ms":${hundredthsText(hundredths(event.totalMs))}`
  )
}

const NAMES_MAX = 10_000
const NAME_CHARS_MAX = 128
const knownNames = new Map<string, string>()

/** As it is written: the same few names come again and again. They may be a caller's, and hold anything. */
function named(name: string): string {
  const known = knownNames.get(name)
  if (known !== undefined) return known
  const written = withoutUnsafe(JSON.stringify(isSuspect(name) ? scrubbedText(name) : name))
  if (knownNames.size >= NAMES_MAX) knownNames.clear()
  if (name.length <= NAME_CHARS_MAX) knownNames.set(name, written)
  return written
}

const hundredths = (ms: number): number => Math.round(ms * 100) / 100

const faultText = ({ deployment, fault = '', status }: AttemptRecord): string =>
  status === undefined ? `${deployment}: ${fault}` : `${deployment}: ${fault} ${status}`

const TOKEN_NAMES = {
  input: 'input',
  cachedInput: 'cached_input',
  cacheWrite: 'cache_write',
  image: 'image',
  output: 'output',
  audioInput: 'audio_input',
  audioOutput: 'audio_output',
} as const satisfies Record<Bucket, string>

/** Input and output always, the rarer kinds where there are any. */
function tokenCounts(usage: Usage): string {
  const counts = `{"input":${usage.input},"output":${usage.output}`
  return allTokens(usage) === usage.input + usage.output ? `${counts}}` : withRarer(usage, counts)
}

function withRarer(usage: Usage, text: string): string {
  let counts = text
  for (const bucket of RARER)
    if (usage[bucket] !== 0) counts += `,"${TOKEN_NAMES[bucket]}":${usage[bucket]}`
  return `${counts}}`
}

const RARER = BUCKETS.filter((bucket) => bucket !== 'input' && bucket !== 'output')

/** A caller's mistake is information, the operator's trouble more. */
const REFUSAL_LEVELS = {
  invalid_request: 'info',
  invalid_cursor: 'info',
  request_timeout: 'info',
  body_too_large: 'info',
  unsupported_media_type: 'info',
  not_found: 'info',
  method_not_allowed: 'info',
  idempotency_conflict: 'info',
  invalid_api_key: 'warn',
  key_not_allowed: 'warn',
  model_not_found: 'info',
  insufficient_quota: 'info',
  credit_held: 'info',
  rate_limit_exceeded: 'info',
  context_length_exceeded: 'info',
  model_unpriced: 'error',
  upstream_rejected: 'info',
  upstream_unavailable: 'warn',
  upstream_error: 'warn',
  upstream_timeout: 'warn',
  overloaded: 'warn',
  store_unavailable: 'error',
  internal_error: 'error',
} as const satisfies Record<FailureCode, LogLevel>

/** The words that administrators search the log for. */
const SEARCH_WORDS: Readonly<Partial<Record<FailureCode, string>>> = {
  invalid_api_key: 'unauthorized: ',
  key_not_allowed: 'forbidden: ',
}

function refusalLine(event: RequestRefused): LogFields {
  const { code, requestId, message, account, key, model, cause } = event
  return {
    event: 'refused',
    id: requestId,
    code,
    message: `${SEARCH_WORDS[code] ?? ''}${message}`,
    account,
    key,
    model,
    cause: causeOf(cause, REFUSAL_LEVELS[code]),
  }
}
