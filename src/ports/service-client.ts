/** One call of an instance of a service. */
export type ServiceCall = Readonly<{
  method: string
  /** Where it runs. */
  instance: string
  /** With the query, as it was sent: no library is to write it anew. */
  path: string
  /** Without those that belong to the connection. */
  headers: ServiceHeaders
  body: ServiceBody | undefined
  /** Until the head of the answer, and between two pieces. */
  timeoutMs: number
  /** The caller has left. */
  signal: AbortSignal
}>

export type ServiceHeaders = Readonly<Record<string, string | readonly string[]>>

/** `length`: where its sender has said it. */
export type ServiceBody = Readonly<{
  length: number | undefined
  pieces: AsyncIterable<Uint8Array>
}>

export type ServiceAnswer = Readonly<{
  status: number
  /** As they came, name and value in turn. */
  headers: readonly string[]
  /** Ends only where the answer is whole; else it throws. Whoever does not read to the end gives the call up. */
  body: AsyncIterable<Uint8Array>
}>

/**
 * Unreachable: there was no connection, so nothing of the request has gone out and nothing of its body was read. Timeout
 * and broken: it may have been done. Left: it was given up.
 */
export type ServiceFaultKind = 'unreachable' | 'timeout' | 'broken' | 'left'

export class ServiceFault extends Error {
  override readonly name = 'ServiceFault'
  readonly kind: ServiceFaultKind

  constructor(kind: ServiceFaultKind, cause?: unknown) {
    super(`the service: ${kind}`, { cause })
    this.kind = kind
  }
}

/** Speaks to services. Throws a `ServiceFault`, or what the body's source has thrown. */
export interface ServiceClient {
  ask(call: ServiceCall): Promise<ServiceAnswer>
  close(): void
}
