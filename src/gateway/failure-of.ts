import { Failure } from '../domain/failure.ts'
import type { Fault } from '../domain/fault.ts'
import { comeBackMs } from './come-back.ts'

/** Whatever a provider says. */
const AFTER_MS_MIN = 1_000
const AFTER_MS_MAX = 60_000

/** What a caller is told when no attempt answered: never the provider's name, address, key or account. */
export function failureOf(fault: Fault, isMidStream: boolean, chance: () => number): Failure {
  if (fault.refusal !== undefined) {
    const { message, type, param, code } = fault.refusal
    return new Failure('upstream_rejected', message, {
      ...(param !== null && { param }),
      upstream: { status: fault.status ?? 400, type, code },
    })
  }
  if (isMidStream) {
    const isLate = fault.kind === 'timeout'
    return new Failure(
      isLate ? 'upstream_timeout' : 'upstream_error',
      `The answer ${isLate ? 'stalled' : 'broke off'} before its end. Send the request again.`,
    )
  }
  switch (fault.kind) {
    case 'timeout':
      return new Failure(
        'upstream_timeout',
        'No provider answered in time. Try again, or ask for less.',
      )
    case 'broken':
    case 'empty':
      return new Failure('upstream_error', 'The provider sent no usable answer. Try again.')
    case 'connect':
    case 'credential':
    case 'rate_limited':
    case 'server':
    case 'misrouted':
    case 'refused':
      return unavailable(fault.retryAfterMs ?? comeBackMs(chance))
  }
}

/** Nobody could be asked at all. */
export const noProvider = (chance: () => number): Failure => unavailable(comeBackMs(chance))

const unavailable = (afterMs: number): Failure =>
  new Failure(
    'upstream_unavailable',
    'No provider can serve this model at the moment. Try again shortly.',
    { retryAfterMs: Math.min(Math.max(afterMs, AFTER_MS_MIN), AFTER_MS_MAX) },
  )
