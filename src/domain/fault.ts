/** What went wrong with one attempt at a provider. */
export type Fault = Readonly<{
  kind: FaultKind
  status?: number
  retryAfterMs?: number
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

/** Whether another deployment may do better: everything but a refusal of the request itself. */
export const movesOn = (fault: Fault): boolean => fault.kind !== 'refused'

const OWN_4XX = new Set([400, 409, 411, 413, 414, 415, 416, 422, 424, 428, 451])

export function faultKindOf(status: number): FaultKind {
  if (status === 401 || status === 402 || status === 403) return 'credential'
  if (status === 429) return 'rate_limited'
  if (status === 408 || status >= 500) return 'server'
  return OWN_4XX.has(status) ? 'refused' : 'misrouted'
}
