/** What went wrong with one attempt at a provider. */
export type Fault = Readonly<{
  kind: FaultKind
  status?: number
  retryAfterMs?: number
  /** The caller kept the provider waiting for so long that this is theirs: as if they had left. */
  isCallers?: true
  /** For the log only: it may name the provider's inside. */
  detail?: string
  /** The provider refused the request itself: said to the caller in these words. */
  refusal?: Readonly<{ message: string; type: string; param: string | null; code: string | null }>
}>

export type FaultKind =
  | 'connect'
  | 'timeout'
  | 'credential' // 401, 402, 403: the operator's key, money or rights there
  | 'rate_limited' // 429
  | 'server' // 408, 5xx
  | 'misrouted' // 3xx, 404, 405, 410: the deployment's address or model name is wrong
  | 'broken' // an answer that is not one
  | 'empty' // an answer with nothing in it
  | 'refused' // the caller's own 4xx

/** Whether another deployment may do better: not where the request itself was refused, or nobody reads the answer. */
export const movesOn = ({ kind, isCallers }: Fault): boolean =>
  kind !== 'refused' && isCallers !== true

export const callersOwn = (fault: Fault): Fault => ({ ...fault, isCallers: true })

const OWN_4XX = new Set([400, 409, 411, 413, 414, 415, 416, 422, 424, 428, 451])

export function faultKindOf(status: number): FaultKind {
  if (status === 401 || status === 402 || status === 403) return 'credential'
  if (status === 429) return 'rate_limited'
  if (status === 408 || status >= 500) return 'server'
  return OWN_4XX.has(status) ? 'refused' : 'misrouted'
}
